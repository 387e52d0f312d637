"""These tests need servers, of which each session of nox installs a few."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.servers import rows

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect nothing where no environment was made for it."""
    return None if os.environ.get(rows.VARIABLE) else True

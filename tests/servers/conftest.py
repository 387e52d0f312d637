"""These tests need servers, of which each session of nox installs a few."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers import rows

if TYPE_CHECKING:
    from pathlib import Path


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect nothing where no environment was made for it."""
    environment = rows.environment()
    if environment and environment not in rows.ENVIRONMENTS:
        raise pytest.UsageError(f"{rows.VARIABLE}={environment} is not in the table")
    return None if environment else True

"""These tests need servers, of which each session of nox installs a few."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab.servers import rows

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Collect nothing where no environment was made for it."""
    return None if rows.environment() else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Drop the tests that have no row in this environment."""
    items[:] = [item for item in items if not _lacks_rows(item)]


def _lacks_rows(item: pytest.Item) -> bool:
    skips = item.iter_markers("skip")
    return any("empty parameter set" in skip.kwargs.get("reason", "") for skip in skips)

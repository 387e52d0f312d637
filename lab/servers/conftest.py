"""These tests need servers, of which each session of nox installs a few."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.servers import rows


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Collect nothing where no environment was made for it."""
    environment = rows.environment()
    if environment and environment not in rows.ENVIRONMENTS:
        raise pytest.UsageError(f"{rows.VARIABLE}={environment} is not in the table")
    return None if environment else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Drop the tests that have no row in this environment."""
    items[:] = [item for item in items if not _lacks_rows(item)]


def _lacks_rows(item: pytest.Item) -> bool:
    if Path(__file__).parent not in item.path.parents:
        return False
    skips = item.iter_markers("skip")
    return any("empty parameter set" in skip.kwargs.get("reason", "") for skip in skips)

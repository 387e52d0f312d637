"""How many programs were run."""

from __future__ import annotations

import sys

import pytest

from tests.garbage import collected_by_hand as collected_by_hand
from tests.model.conftest import profile as profile


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report how many programs were run twice, and how much they did."""
    module = sys.modules.get("tests.differential.test_differential")
    if module is not None:
        count, lines = module.programs_run, module.lines_compared
        terminalreporter.write_line(
            f"differential: {count} programs run twice, {lines} lines equal"
        )

"""How many programs are drawn, and how many were run."""

from __future__ import annotations

import sys

import pytest
from hypothesis import settings

# The other profiles are those of the model.
import tests.model.conftest  # noqa: F401

settings.register_profile("quick", settings.get_profile("short"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report how many programs were run twice, and how much they did."""
    module = sys.modules.get("tests.differential.test_differential")
    if module is not None:
        count, lines = module.programs_run, module.lines_compared
        terminalreporter.write_line(
            f"differential: {count} programs run twice, {lines} lines equal"
        )

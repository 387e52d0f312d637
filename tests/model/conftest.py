"""How long the model runs, and how many steps it took."""

from __future__ import annotations

import sys

import pytest
from hypothesis import HealthCheck, settings

# The same steps on every machine: what runs in each change is to be repeatable.
settings.register_profile(
    "short",
    max_examples=40,
    stateful_step_count=30,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
settings.register_profile(
    "long",
    max_examples=600,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report how many steps the model was compared with."""
    machine = sys.modules.get("tests.model.machine")
    if machine is not None:
        terminalreporter.write_line(f"model: {machine.Machine.steps} steps")

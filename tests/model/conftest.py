"""How long the model and the differential test run, and how many steps were made."""

from __future__ import annotations

import sys

import pytest
from hypothesis import HealthCheck, Phase, settings

from tests.garbage import collected_by_hand as collected_by_hand

# The same steps on every machine: what every change has to pass is repeatable.
settings.register_profile(
    "short",
    max_examples=80,
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
    print_blob=True,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def profile(request: pytest.FixtureRequest) -> settings:
    """The settings that this run asks for, by ``--hypothesis-profile``."""
    name = request.config.getoption("--hypothesis-profile") or "short"
    chosen = settings.get_profile(name)
    if request.config.getoption("--control"):
        # The first difference will do, as it was found.
        chosen = settings(chosen, phases=[Phase.generate], report_multiple_bugs=False)
    return chosen


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Report how many steps the model was compared with."""
    machine = sys.modules.get("tests.model.machine")
    if machine is not None:
        terminalreporter.write_line(f"model: {machine.Machine.steps} steps")

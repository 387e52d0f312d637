"""``run`` and other launchers, with the real ones."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tests.environments import IN_AN_EMPTY_CONTEXT, Environment, attempt

if TYPE_CHECKING:
    import subprocess

PROGRAM = f"""
import subprocess, sys
{IN_AN_EMPTY_CONTEXT}
names = "opentelemetry.instrumentation.auto_instrumentation elasticapm newrelic.config"
print(*(name for name in (*names.split(), "ddtrace") if name in sys.modules))
if sys.argv[1:]:
    sys.stdout.flush()
    subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
"""

OTEL = ("opentelemetry-instrument",)
ELASTIC = ("elasticapm-run",)
NEW_RELIC = ("newrelic-admin", "run-program")
DATADOG = ("ddtrace-run",)
AGENTS = {
    OTEL: "opentelemetry.instrumentation.auto_instrumentation",
    ELASTIC: "elasticapm",
    NEW_RELIC: "newrelic.config",
    DATADOG: "ddtrace",
}
"""What each launcher has loaded before the program runs."""


def _launch(launchers: Environment, *command: str) -> subprocess.CompletedProcess[str]:
    """Run the program by *command*, with the launchers on the path."""
    return attempt(
        *(*command, launchers.python, "-c", PROGRAM, PROGRAM),
        PATH=os.pathsep.join([str(launchers.scripts), os.environ["PATH"]]),
        # No agent reports anything.
        OTEL_TRACES_EXPORTER="none",
        OTEL_METRICS_EXPORTER="none",
        OTEL_LOGS_EXPORTER="none",
        ELASTIC_APM_DISABLE_SEND="true",
        NEW_RELIC_DEVELOPER_MODE="on",
        NEW_RELIC_LOG="stderr",
        DD_TRACE_ENABLED="false",
        DD_INSTRUMENTATION_TELEMETRY_ENABLED="false",
        DD_REMOTE_CONFIGURATION_ENABLED="false",
    )


@pytest.mark.parametrize("launcher", AGENTS, ids=lambda words: words[0])
def test_run_last_has_both(
    installed: Environment, launchers: Environment, launcher: tuple[str, ...]
) -> None:
    """The shim and the agent, in the program and in the Python that it starts."""
    program = str(launchers.scripts / launcher[0])

    finished = _launch(launchers, program, *launcher[1:], installed.command, "run")
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.splitlines()
    assert lines[-4:] == ["request", AGENTS[launcher]] * 2


@pytest.mark.parametrize("launcher", [NEW_RELIC, DATADOG], ids=lambda words: words[0])
def test_run_first_has_both_where_the_launcher_looks_further(
    installed: Environment, launchers: Environment, launcher: tuple[str, ...]
) -> None:
    """New Relic's and Datadog's run the sitecustomize that theirs hides."""
    program = str(launchers.scripts / launcher[0])

    finished = _launch(launchers, installed.command, "run", program, *launcher[1:])
    assert "KeyError" not in finished.stderr
    assert finished.returncode == 0, finished.stderr
    lines = finished.stdout.splitlines()
    assert lines[-4:] == ["request", AGENTS[launcher]] * 2


@pytest.mark.parametrize("launcher", [OTEL, ELASTIC], ids=lambda words: words[0])
def test_run_first_says_what_to_write_where_it_does_not(
    installed: Environment, launchers: Environment, launcher: tuple[str, ...]
) -> None:
    """In one line; the program runs with the agent alone."""
    program = str(launchers.scripts / launcher[0])

    finished = _launch(launchers, installed.command, "run", program)
    said = [line for line in finished.stderr.splitlines() if "ididi-scopefix" in line]
    instead = f"{launcher[0]} ... ididi-scopefix run PROGRAM"
    assert [line.endswith(f"Write instead: {instead}") for line in said] == [True]
    assert "LookupError" in finished.stdout.splitlines()


def test_the_control_has_no_shim(launchers: Environment) -> None:
    """Neither the launchers nor their agents cure anything."""
    finished = _launch(launchers, str(launchers.scripts / OTEL[0]))

    assert "LookupError" in finished.stdout.splitlines()

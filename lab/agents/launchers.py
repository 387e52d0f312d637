"""The agents, and how each of them starts a program."""

from __future__ import annotations

import os
from typing import NamedTuple

VARIABLE = "SCOPEFIX_AGENT"
"""Names the agent that is installed."""

SETTINGS = {
    # Nobody listens where they would report to, and none of them is to wait for it.
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_TRACE_ENABLED": "false",
    "ELASTIC_APM_DISABLE_SEND": "true",
    "NEW_RELIC_DEVELOPER_MODE": "true",
    "NEW_RELIC_LICENSE_KEY": "0" * 40,
    "NEW_RELIC_LOG": os.devnull,
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_TRACES_EXPORTER": "none",
}
"""The environment that all of them are started in."""


class Agent(NamedTuple):
    """An agent.

    Attributes:
        requirements: what is installed.
        launcher: what is written before the program.
        module: what is loaded in a program that has the agent.
    """

    requirements: tuple[str, ...]
    launcher: tuple[str, ...]
    module: str


def _ddtrace(version: str) -> Agent:
    return Agent((f"ddtrace=={version}",), ("ddtrace-run",), "ddtrace.bootstrap")


AGENTS = {
    "ddtrace-2.21": _ddtrace("2.21.12"),
    "ddtrace-3.19": _ddtrace("3.19.9"),
    "ddtrace-4.16": _ddtrace("4.16.0"),
    "opentelemetry": Agent(
        ("opentelemetry-distro",),
        ("opentelemetry-instrument",),
        "opentelemetry.instrumentation.auto_instrumentation",
    ),
    "newrelic": Agent(
        ("newrelic",), ("newrelic-admin", "run-program"), "newrelic.api.import_hook"
    ),
    "elastic": Agent(("elastic-apm",), ("elasticapm-run",), "elasticapm"),
    "temporal": Agent(("temporalio",), (), "temporalio"),
}


def installed() -> str:
    """Return which of them is to be tried here."""
    return os.environ.get(VARIABLE, "")

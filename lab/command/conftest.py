"""Environments with other people's launchers and packagers, from the package index.

The tests here download packages. They are no part of the suite, and run by themselves:
``pytest lab/command``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

# The fixtures of the suite.
from tests.environments import (  # noqa: F401
    Environment,
    empty,
    installed,
    once,
    plain,
    wheels,
    workshop,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def launchers(workshop: Path, plain: Environment) -> Environment:  # noqa: F811
    """An environment that has ididi and the launchers, and not the shim."""

    def make(folder: Path) -> None:
        names = ("opentelemetry-distro", "elastic-apm", "newrelic", "ddtrace")
        plain.copy(folder).pip("install", "--quiet", *names)

    return Environment(once(workshop / "launchers", make))


@pytest.fixture(scope="session")
def packagers(workshop: Path, empty: Environment) -> Environment:  # noqa: F811
    """An environment that has pex and shiv, and not the shim."""

    def make(folder: Path) -> None:
        empty.copy(folder).pip("install", "--quiet", "pex", "shiv")

    return Environment(once(workshop / "packagers", make))

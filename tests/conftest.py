"""Activates the shim for every test, as a program would: by importing it.

With ``--control`` it is switched off instead, and every test of what the
shim does has to fail.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["tests.environments"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--control",
        action="store_true",
        help="switch the shim off and expect every test of what it does to fail",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--control"):
        os.environ["IDIDI_SCOPEFIX"] = "0"
        # A test that is to fail may leave its event loop to the collector.
        ignore = "ignore::pytest.PytestUnraisableExceptionWarning"
        config.addinivalue_line("filterwarnings", ignore)
    else:
        os.environ.pop("IDIDI_SCOPEFIX", None)
    import ididi_scopefix

    ididi_scopefix.activate()


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    if not config.getoption("--control"):
        return
    for item in items:
        if item.get_closest_marker("unchanged") is None:
            item.add_marker(
                pytest.mark.xfail(
                    raises=(LookupError, AssertionError),
                    reason="the shim is off",
                    strict=True,
                )
            )


@pytest.fixture(autouse=True)
def _still_active(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave the shim to the next test as this one found it."""
    yield
    if not request.config.getoption("--control"):
        import ididi_scopefix

        ididi_scopefix.activate()

"""Activates the shim for every test, as a program would: by importing it.

With ``--control`` it is switched off instead, and every test of what the
shim does has to fail. With ``--fixed`` it is switched off, too, for an ididi
that has the fix itself: only the tests marked ``shim`` have to fail.
"""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

pytest_plugins = ["tests.child", "tests.environments"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--control",
        action="store_true",
        help="switch the shim off and expect every test of what it does to fail",
    )
    parser.addoption(
        "--fixed",
        action="store_true",
        help="switch the shim off and expect ididi itself to do what it does",
    )


def switched_off(config: pytest.Config) -> bool:
    """Tell whether the tests run without the shim."""
    return bool(config.getoption("--control") or config.getoption("--fixed"))


def pytest_configure(config: pytest.Config) -> None:
    if switched_off(config):
        os.environ["IDIDI_SCOPEFIX"] = "0"
        # A test that is to fail may leave its event loop to the collector.
        ignore = "ignore::pytest.PytestUnraisableExceptionWarning"
        config.addinivalue_line("filterwarnings", ignore)
    else:
        os.environ.pop("IDIDI_SCOPEFIX", None)
    import ididi_scopefix

    # The conftest.py of a folder may have imported ididi before this.
    change = "deactivate" if switched_off(config) else "activate"
    getattr(ididi_scopefix, change)()


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    for item in items:
        if config.getoption("--fixed") and item.get_closest_marker("shim"):
            # Not left out: one that passes is not about the shim.
            item.add_marker(pytest.mark.xfail(reason="it is about the shim itself"))
        if config.getoption("--control") and not item.get_closest_marker("unchanged"):
            errors = (LookupError, AssertionError)
            item.add_marker(pytest.mark.xfail(raises=errors, reason="the shim is off"))


@pytest.fixture(autouse=True)
def _still_active(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave the shim to the next test as this one found it."""
    yield
    if not switched_off(request.config):
        import ididi_scopefix

        ididi_scopefix.activate()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(
    session: pytest.Session, exitstatus: int
) -> Generator[None, None, None]:
    """Say in one sentence what a whole run has proved, after all that is said."""
    yield
    reporter: Any = session.config.pluginmanager.get_plugin("terminalreporter")
    # The workers of a parallel run have nobody to tell.
    if reporter is None or exitstatus != pytest.ExitCode.OK:
        return
    if said := proved(session.config, reporter.stats):
        reporter.write_line(said)


def proved(config: pytest.Config, stats: dict[str, list[object]]) -> str:
    """Return what a run without a failure has proved, if it was of whole folders."""
    if config.getoption("keyword") or config.getoption("markexpr"):
        return ""
    if config.getoption("--control"):
        failed = len(stats.get("xfailed", ()))
        return f"Without the shim {failed} tests of what it does fail, as they have to."
    if config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return ""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    passed, skipped = len(stats.get("passed", ())), len(stats.get("skipped", ()))
    return (
        f"Proved by {passed} tests on ididi {version('ididi')}, {python} and wrapt"
        f" {version('wrapt')}: with the shim every scope call works in every kind of"
        f" context, and all else is as without it. {skipped} tests were skipped, for"
        " the reasons above."
    )

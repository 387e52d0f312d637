"""Which test reaches which line of the package, and how much work it is.

A plugin of pytest under coverage. Run as a program afterwards, it writes down what
was found.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import coverage
import pytest

SETTINGS = "COVERAGE_PROCESS_CONFIG"
SECONDS, REACH = Path("seconds.json"), Path("reach.json")
seconds: dict[str, float] = {}
skipped: set[str] = set()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Have this process and its children note the test with each line."""
    measuring = coverage.Coverage.current()
    assert measuring is not None
    measuring.switch_context(item.nodeid)
    settings = json.loads(base64.b64decode(os.environ[SETTINGS]))
    settings["context"] = item.nodeid
    os.environ[SETTINGS] = base64.b64encode(json.dumps(settings).encode()).decode()
    began = sum(os.times()[:4])
    yield
    # Of work, children included: however busy the machine is.
    seconds[item.nodeid] = sum(os.times()[:4]) - began
    measuring.switch_context("")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Leave out what is skipped here."""
    if report.skipped and not hasattr(report, "wasxfail"):
        skipped.add(report.nodeid)


def pytest_sessionfinish() -> None:
    """Write that down."""
    ran = {test: seconds[test] for test in seconds.keys() - skipped}
    SECONDS.write_text(json.dumps(ran), encoding="utf-8")


def main() -> None:
    """Write down for each module and line which tests reach it."""
    measured = coverage.Coverage()
    measured.combine()
    data = measured.get_data()
    lines = {
        Path(file).name: data.contexts_by_lineno(file)
        for file in data.measured_files()
        if Path(file).parent.name == "ididi_scopefix"
    }
    took = json.loads(SECONDS.read_text(encoding="utf-8"))
    found = {"seconds": took, "lines": lines}
    REACH.write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()

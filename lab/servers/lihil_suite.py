"""lihil's own suite, with every call of an endpoint in an empty context.

``nox --session lihil`` runs it, with the shim and without. The suite calls
endpoints in the context of the test, which has a scope, and so by itself it
passes on any ididi. uvicorn 0.39 to 0.44 starts the task of each request in an
empty context. This file is also a plugin of pytest that does the same.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from contextvars import Context
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

TESTS = 485
"""How many tests of lihil 0.2.41 there are."""

FAILURES = 23
"""How many of them fail without the shim."""

SYMPTOM = "LookupError: <ContextVar name='idid_scope_ctx'"


def pytest_configure() -> None:
    """Start whatever serves a connection in an empty context."""
    from lihil.http.endpoint import Endpoint
    from lihil.socket.hub import SocketHub
    from lihil.socket.websocket import WebSocketEndpoint

    _start_in_empty_contexts(Endpoint, "__call__")
    _start_in_empty_contexts(WebSocketEndpoint, "__call__")
    _start_in_empty_contexts(SocketHub, "handle_connection")


def _start_in_empty_contexts(owner: Any, name: str) -> None:
    original = getattr(owner, name)

    async def call(self: Any, scope: Any, receive: Any, send: Any) -> None:
        loop = asyncio.get_running_loop()
        # A task runs in a copy of the context that creates it: of an empty one.
        await Context().run(loop.create_task, original(self, scope, receive, send))

    setattr(owner, name, call)


def run(suite: Path, switch: str) -> tuple[int, list[str]]:
    """Run the suite in the folder *suite*.

    Returns:
        How many tests have run, and with what each failure has ended.
    """
    report = suite / f"shim-{switch}.xml"
    here = Path(__file__)
    subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "--quiet", "-p", here.stem),
            *("-p", "no:cacheprovider", "--capture=fd", f"--junitxml={report}"),
        ],
        check=False,
        cwd=suite,
        # Not the project's folder: its package of tests is called as theirs.
        env={**os.environ, "IDIDI_SCOPEFIX": switch, "PYTHONPATH": str(here.parent)},
        stdout=subprocess.DEVNULL,
        timeout=600,
    )
    cases = list(ElementTree.parse(report).iter("testcase"))
    failures = [
        case.get("name", "") + "\n" + (failure.text or "")
        for case in cases
        for failure in (*case.iter("failure"), *case.iter("error"))
    ]
    skipped = sum(case.find("skipped") is not None for case in cases)
    return len(cases) - skipped, failures


def main(archive: str) -> int:
    """Run the suite out of *archive* twice; return the exit status."""
    folder = Path(archive).resolve().parent
    shutil.unpack_archive(archive, folder)
    suite = folder / Path(archive).name[: -len(".tar.gz")]
    print(f"lihil {version('lihil')}, ididi {version('ididi')}")
    results = {switch: run(suite, switch) for switch in ("1", "0")}
    for switch, (tests, failures) in results.items():
        name = "with the shim" if switch == "1" else "without"
        print(f"{name:<14} {tests:>4} tests, {len(failures)} failed")
    (tests, failures), (_, expected) = results["1"], results["0"]
    for failure in failures:
        print("FAILED:", failure)
    others = [failure for failure in expected if SYMPTOM not in failure]
    for failure in others:
        print("FAILED for another reason without the shim:", failure)
    is_right = (tests, len(failures), len(expected)) == (TESTS, 0, FAILURES)
    return 0 if is_right and not others else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))

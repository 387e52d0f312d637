"""An interpreter that has loaded what the tests need, and forks for each run of them.

It reads what is to be run, a line of JSON each, and answers with the exit code of
pytest, or ``null`` if that had to be ended. A fork imports the package, its change
included, as the start-up line does, and ididi after it.
"""

from __future__ import annotations

import asyncio  # noqa: F401
import gc
import importlib
import json
import multiprocessing  # noqa: F401
import os
import select
import signal
import sys
import traceback
from typing import Any
from unittest import mock  # noqa: F401

import hypothesis.stateful  # noqa: F401
import packaging.specifiers  # noqa: F401
import pytest
import typing_extensions  # noqa: F401
import wrapt  # noqa: F401


class Chosen:
    """Runs the tests that were chosen, in their order."""

    def __init__(self, tests: list[str]) -> None:
        self._order = {name: index for index, name in enumerate(tests)}

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if item.nodeid in self._order]
        items.sort(key=lambda item: self._order[item.nodeid])


def run(tests: list[str], options: list[str], output: str) -> int:
    """Run *tests*, in a fork."""
    os.setsid()
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream, target in enumerate((os.open(os.devnull, os.O_RDONLY), file, file)):
        os.dup2(target, stream)
    os.environ.pop("IDIDI_SCOPEFIX", None)
    try:
        importlib.import_module("ididi_scopefix")
    except Exception:
        traceback.print_exc()
    files = dict.fromkeys(name.partition("::")[0] for name in tests)
    return int(pytest.main([*options, *files], plugins=[Chosen(tests)]))


def attempt(job: dict[str, Any]) -> int | None:
    """Run the tests of *job* in a fork; return the exit code, if they end in time."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            code = run(job["tests"], job["options"], job["output"])
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            os._exit(code)
    descriptor = os.pidfd_open(child)
    ended, _, _ = select.select([descriptor], [], [], job["limit"])
    os.close(descriptor)
    try:
        os.killpg(child, signal.SIGKILL)  # what it has started, too
    except ProcessLookupError:
        pass
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if ended else None


if __name__ == "__main__":
    # Imported switched off by the start-up line, before there was a change.
    del sys.modules["ididi_scopefix"]
    assert "ididi" not in sys.modules
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(attempt(json.loads(line))), flush=True)

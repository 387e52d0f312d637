"""Threads that begin at once, and whose errors are the test's."""

from __future__ import annotations

import sys
import threading
from contextlib import contextmanager
from contextvars import Context
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from collections.abc import Iterator

DEADLINE = 60


@contextmanager
def switching_often() -> Iterator[None]:
    """Let Python switch between threads at every opportunity."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(interval)


def run_at_once(*functions: Callable[[], Any]) -> list[Any]:
    """Call each function in a thread of its own, and return what they return."""
    barrier = threading.Barrier(len(functions))
    results: list[Any] = [None] * len(functions)
    errors: list[BaseException] = []

    def run(number: int, function: Callable[[], Any]) -> None:
        try:
            barrier.wait(DEADLINE)
            results[number] = function()
        except BaseException as error:
            errors.append(error)

    threads = [
        threading.Thread(target=run, args=each, daemon=True)
        for each in enumerate(functions)
    ]
    with switching_often():
        for thread in threads:
            # Python 3.14 lets a thread start in a copy of this context.
            Context().run(thread.start)
        for thread in threads:
            thread.join(DEADLINE)
    assert not any(thread.is_alive() for thread in threads), "a deadlock"
    if errors:
        raise errors[0]
    return results

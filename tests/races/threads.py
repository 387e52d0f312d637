"""Threads that begin at once, or in the middle of an import; their errors are told."""

from __future__ import annotations

import sys
import threading
from contextvars import Context
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING, Any, Callable

if TYPE_CHECKING:
    from types import ModuleType

DEADLINE = 60


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
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # Python switches at every opportunity
    try:
        for thread in threads:
            # Python 3.14 lets a thread start in a copy of this context.
            Context().run(thread.start)
        for thread in threads:
            thread.join(DEADLINE)
    finally:
        sys.setswitchinterval(interval)
    assert not any(thread.is_alive() for thread in threads), "a deadlock"
    if errors:
        raise errors[0]
    return results


def run_while_ididi_is_imported(
    function: Callable[[], object],
    importing: Callable[[], object],
    fails: bool = False,
) -> None:
    """Call *function* in a thread that begins while *importing* imports ididi.

    The import goes on when *function* waits for it or has ended, or else *fails*.
    """

    def start() -> None:
        if second.ident is None:  # the import may be tried again
            second.start()
            while second.is_alive() and not is_waiting_for_an_import(second):
                pass
        if fails:
            raise ImportError("it fails")

    class Finder:
        def find_spec(self, name: str, path: Any = None, target: Any = None) -> Any:
            if name != "ididi._ds":
                return None
            spec: Any = PathFinder.find_spec(name, path, target)
            execute = spec.loader.exec_module

            # Not in the finder: Python holds the lock of all imports there.
            def exec_module(module: ModuleType) -> None:
                start()
                execute(module)

            spec.loader.exec_module = exec_module
            return spec

    second = threading.Thread(target=function, daemon=True)
    first = threading.Thread(target=importing, daemon=True)
    sys.meta_path.insert(0, Finder())  # type: ignore[arg-type]
    first.start()
    for thread in (first, second):
        thread.join(DEADLINE / 2)
        assert not thread.is_alive(), "it hangs"


def is_waiting_for_an_import(thread: threading.Thread) -> bool:
    """Tell whether *thread* waits for a module that another one imports."""
    frame = sys._current_frames().get(thread.ident or 0)
    while frame is not None:
        code = frame.f_code
        if code.co_name == "acquire" and "importlib" in code.co_filename:
            return True
        frame = frame.f_back
    return False

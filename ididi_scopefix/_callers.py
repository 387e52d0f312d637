"""Which code of the program needed a seed: said in the log, or to standard error.

``IDIDI_SCOPEFIX=verbose`` writes one line each for what was decided about ididi,
for the first need of each caller, and for 10, 100, 1,000 ... seeded contexts. A
line goes to the file descriptor of standard error: no logging configuration
can suppress it, and a forked child finds no lock taken that it would wait for.
"""

from __future__ import annotations

import os
import platform
import select
import sys
import threading
from itertools import takewhile
from types import FrameType
from typing import TYPE_CHECKING, Any, Optional

from ididi_scopefix import _activation, _log
from ididi_scopefix._seeding import tally

if TYPE_CHECKING:
    from ididi.graph import Resolver
else:
    Resolver = Any

MOST_CALLERS = 100
"""So many callers are told apart. The contexts of others are only counted."""

# The functions in which the shim notices that a context has no scope, and the
# calls of the program that lead there.
_CALLS = {
    "use_scope": "use_scope",
    "use_scope_any": "use_scope",
    "__enter__": "scope",
    "__exit__": "scope",
    "_entered": "scope",
    "__aenter__": "ascope",
    "leave_unentered": "ascope",
    "_aentered": "ascope",
    "seed": "seed",
}

Caller = tuple[str, str, int, str]
"""A call, and the file, line and function of the program that it comes from."""

# How many contexts were seeded for each caller, ELSEWHERE for those too many.
_counts: dict[Caller, int] = {}
_ELSEWHERE: Caller = ("calls", "", 0, "")
_lock = threading.RLock()
_decided: Optional[str] = None


def _forked() -> None:
    """Begin anew in a forked child, which is a process of its own."""
    global _lock
    _lock = threading.RLock()
    _counts.clear()
    if _decided is not None:
        _write(_decided)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def callers() -> list[tuple[Caller, int]]:
    """Return for which callers contexts were seeded, and how many."""
    with _lock:
        return [item for item in _counts.items() if item[0] != _ELSEWHERE]


def decided(state: str, reason: str, version: Optional[str]) -> None:
    """Write what was decided about ididi, and each first need from now on."""
    global _decided
    tally.level = sys.maxsize
    if state == "active":
        python = platform.python_version()
        _decided = f"active: ididi {version} is patched (Python {python}, {_program()})"
    else:
        _decided = f"{'left alone' if state == 'inactive' else state}: {reason}"
    _write(_decided)


def seeded(resolver: Optional[Resolver]) -> None:
    """Say that a context had to be seeded for a call on *resolver*.

    Nothing that goes wrong here gets into the program's call.
    """
    try:
        caller = _find(resolver)
        if tally.first_is_unsaid and _log.info(
            "first need of a seed: %s at %s:%d in %s (pid %d, %s)",
            *caller,
            os.getpid(),
            _where(),
        ):
            tally.first_is_unsaid = False
        if _activation.is_verbose():
            _count(caller)
        else:
            tally.unsaid = tally.first_is_unsaid
    except Exception:
        pass


def _find(resolver: Optional[Resolver]) -> Caller:
    """Find the first frame outside ididi, contextlib and this package."""
    method = None
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None:
        module = str(frame.f_globals.get("__name__")).partition(".")[0]
        if module == "ididi_scopefix":
            method = _CALLS.get(frame.f_code.co_name, method)
        elif module not in ("ididi", "contextlib"):
            break
        frame = frame.f_back
    # The methods of compiled classes leave no frame that would name them.
    call = "a scope call"
    if method == "seed":
        call = "seed()"
    elif method is not None:
        call = f"{type(resolver).__name__}.{method}()"
    if frame is None:
        return call, "?", 0, "?"
    return call, frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name


def _count(caller: Caller) -> None:
    with _lock:
        new = caller not in _counts
        if new and len(_counts) >= MOST_CALLERS:
            caller, new = _ELSEWHERE, False
        _counts[caller] = _counts.get(caller, 0) + 1
        total = sum(_counts.values())
        summary = _summary(total) if str(total).strip("0") == "1" else None
    if new:
        _write(f"first need: {_described(caller)} ({_where()})")
    if summary is not None and total > 1:
        _write(summary)


def _summary(total: int) -> str:
    most = sorted(_counts.items(), key=lambda item: item[1], reverse=True)[:10]
    parts = [f"{count:,} {_described(caller)}" for caller, count in most]
    rest = total - sum(count for _, count in most)
    if rest:
        parts.append(f"{rest:,} elsewhere")
    return f"{total:,} contexts seeded: {'; '.join(parts)}"


def _described(caller: Caller) -> str:
    call, file, line, function = caller
    if caller == _ELSEWHERE:
        return "elsewhere"
    try:
        relative = os.path.relpath(file)
        file = file if relative.startswith(os.pardir) else relative
    except Exception:
        pass  # the working directory is gone, or on another drive
    return f"{call} at {file}:{line} in {function}"


def _where() -> str:
    """Return the names of the current thread and of the current task, if any."""
    where = f"thread {threading.current_thread().name}"
    asyncio = sys.modules.get("asyncio")
    try:
        task = asyncio.current_task() if asyncio else None
    except RuntimeError:  # no running event loop
        task = None
    return where if task is None else f"{where}, task {task.get_name()}"


def _program() -> str:
    """Return the program's name and its words before the first option.

    Not all of its command line, which may contain a password.
    """
    arguments: list[str] = getattr(sys, "argv", None) or [""]
    name = os.path.basename(arguments[0])
    if name == "__main__.py":
        name = os.path.basename(os.path.dirname(arguments[0]))
    words = takewhile(lambda word: not word.startswith("-"), arguments[1:])
    return " ".join((name or "no program", *words))


def _write(text: str) -> None:
    """Write one line to standard error, if that can be done without waiting."""
    try:
        stream = sys.__stderr__
        if stream is None or stream.closed:
            return
        line = "".join(
            each if each.isprintable() else ascii(each)[1:-1] for each in text
        )
        data = f"ididi-scopefix[{os.getpid()}]: {line}"
        encoded = data.encode(stream.encoding or "utf-8", "backslashreplace")
        descriptor = stream.fileno()
        # A pipe that nobody reads would make the request wait. select() knows
        # nothing but sockets on Windows. A line of this length is not torn apart.
        if os.name != "posix" or select.select([], [descriptor], [], 0)[1]:
            os.write(descriptor, encoded[:4000] + b"\n")
    except Exception:
        pass

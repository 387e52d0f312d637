"""What the shim says, to logging and, in verbose mode, to standard error.

``IDIDI_SCOPEFIX=verbose`` writes a line when ididi has been decided about, at the
first need of each caller, and at 10, 100, 1,000 ... seeded contexts. It goes to
standard error's file descriptor: no configuration of logging suppresses it, and a
forked child waits for no lock. Nothing here fails a request or an import.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from itertools import takewhile
from types import FrameType
from typing import Any, Optional

from ididi_scopefix import _SWITCH
from ididi_scopefix._seeding import tally

logger: logging.Logger = logging.getLogger("ididi_scopefix")
root: logging.Logger = logging.getLogger()

_MOST_CALLERS = 100  # are told apart; the contexts of others are only counted

# The functions of this package that a call of the program runs, by the call.
_CALLS = {
    "use_scope": ("use_scope", "use_scope_any"),
    "scope": ("__enter__", "__exit__", "_entered"),
    "ascope": ("__aenter__", "leave_unentered", "_aentered"),
    "seed": ("seed",),
}

Caller = tuple[str, str, int, str]
"""A call, and the file, line and function of the program that it comes from."""

_ELSEWHERE: Caller = ("", "", 0, "")
_counts: dict[Caller, int] = {}
_lock = threading.RLock()
_decided: Optional[str] = None
_patched = ""  # the sentence, until logging has taken it
_NOBODY = logging.NullHandler
_warned: set[str] = set()


def _forked() -> None:
    """Begin anew in a forked child, which is a process of its own."""
    global _lock
    _lock = threading.RLock()
    _counts.clear()
    if _decided is not None:
        _write(_decided)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def is_verbose() -> bool:
    """Tell whether the environment wants the shim to say what it does."""
    return os.environ.get(_SWITCH, "").strip().lower() == "verbose"


def warn_once(message: str, error: Optional[BaseException] = None) -> None:
    """Log a warning, with the traceback of *error*, unless that has been done."""
    try:
        if message not in _warned:
            _warned.add(message)
            logger.warning("%s", message, exc_info=error, stacklevel=2)
    except Exception:
        pass  # of a handler or filter of the program


def _is_heard() -> bool:
    """Tell whether a handler takes what is logged at INFO."""
    found = logger if logger.isEnabledFor(logging.INFO) else None
    while found is not None:
        for handler in found.handlers:
            if handler.level <= logging.INFO and type(handler) is not _NOBODY:
                return True
        found = found.parent if found.propagate else None
    return False


def decided(state: str, reason: str, version: Optional[str]) -> None:
    """Say what was decided about ididi."""
    global _decided, _patched
    text = f"{'left alone' if state == 'inactive' else state}: {reason}"
    try:
        if state == "active":
            _patched = f"ididi {version} is patched"
            python = ".".join(map(str, sys.version_info[:3]))
            text = f"active: {_patched} (Python {python}, {_program()})"
            if _is_heard():
                logger.info("%s (pid %d)", _patched, os.getpid(), stacklevel=2)
                _patched = ""
        if is_verbose() and text != _decided:
            tally.level = sys.maxsize  # each seeding is reported from now on
            _decided = text
            _write(text)
    except Exception:
        pass


def seeded(resolver: object) -> None:
    """Say that a context had to be seeded for a call on *resolver*."""
    try:
        is_first = tally.first_is_unsaid and _is_heard()
        if is_first or is_verbose():
            caller = _caller(resolver)
            if is_verbose():
                _count(caller)
            if is_first:
                # Said before it is logged: the handler may need a seed itself.
                tally.first_is_unsaid, tally.unsaid = False, is_verbose()
                text = _patched and f" {_patched}."
                where = (_described(caller), os.getpid(), _where(), text)
                logger.info("first need of a seed: %s (pid %d, %s).%s", *where)
    except Exception:
        pass


def callers() -> list[tuple[Caller, int]]:
    """Return for which callers contexts were seeded, and how many."""
    with _lock:
        return [item for item in _counts.items() if item[0] != _ELSEWHERE]


def _caller(resolver: object) -> Caller:
    """Find the first frame outside ididi, contextlib and this package."""
    method = None
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package == "ididi_scopefix":
            name = frame.f_code.co_name
            method = next((m for m, names in _CALLS.items() if name in names), method)
        elif package not in ("ididi", "contextlib"):
            break
        frame = frame.f_back
    call = f"{type(resolver).__name__}.{method}()"
    if resolver is None or method == "seed":
        # The methods of compiled classes leave no frame.
        call = "seed()" if method == "seed" else "a scope call"
    if frame is None:
        return call, "?", 0, "?"
    return call, frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name


def _count(caller: Caller) -> None:
    with _lock:
        new = caller not in _counts
        if new and len(_counts) >= _MOST_CALLERS:
            caller, new = _ELSEWHERE, False
        _counts[caller] = _counts.get(caller, 0) + 1
        total = sum(_counts.values())
        is_round = total > 1 and str(total).strip("0") == "1"
        summary = _summary(total) if is_round else None
    if new:
        _write(f"first need: {_described(caller)} ({_where()})")
    if summary is not None:
        _write(summary)


def _summary(total: int) -> str:
    known = [item for item in _counts.items() if item[0] != _ELSEWHERE]
    most = sorted(known, key=lambda item: item[1], reverse=True)[:10]
    parts = [f"{count:,} {_described(caller)}" for caller, count in most]
    rest = total - sum(count for _, count in most)
    if rest:
        parts.append(f"{rest:,} elsewhere")
    return f"{total:,} contexts seeded: {'; '.join(parts)}"


def _described(caller: Caller) -> str:
    call, file, line, function = caller
    try:
        relative = os.path.relpath(file)
        outside = relative.startswith(os.pardir) or os.getcwd() == os.sep
        file = file if outside else relative
    except Exception:
        pass  # the working directory is gone, or on another drive
    return f"{call} at {file}:{line} in {function}"


def _where() -> str:
    """Return the names of the current thread and of the current task, if any."""
    where = f"thread {threading.current_thread().name}"
    asyncio: Any = sys.modules.get("asyncio")
    try:
        return f"{where}, task {asyncio.current_task().get_name()}"
    except Exception:
        return where  # no task, no running event loop, or no asyncio


def _program() -> str:
    """Return the program's name and its words before the first option.

    The rest of its command line may contain a password.
    """
    path, *words = map(str, getattr(sys, "argv", None) or [""])
    if os.path.basename(path) == "__main__.py":
        path = os.path.dirname(path)
    first = takewhile(lambda word: not word.startswith("-"), words)
    return " ".join([os.path.basename(path) or "python", *first])


def _write(text: str) -> None:
    """Write one line to standard error, if that can be done without waiting."""
    try:
        stream = sys.__stderr__
        if stream is None or stream.closed:
            return
        line = "".join(
            each if each.isprintable() else ascii(each)[1:-1] for each in text
        )
        data = f"ididi-scopefix[{os.getpid()}]: {line}".encode(
            stream.encoding or "utf-8", "backslashreplace"
        )
        # A pipe that nobody reads would make a request wait. On Windows, select()
        # knows sockets only. Lines of this length are not torn apart.
        from select import select

        descriptor = stream.fileno()
        if os.name != "posix" or select([], [descriptor], [], 0)[1]:
            os.write(descriptor, data[:4000] + b"\n")
    except Exception:
        pass

"""What the shim says, to logging and, in verbose mode, to standard error.

Verbose lines go to the file descriptor: no configuration of logging suppresses them,
and a forked child waits for no lock. Nothing here fails a request or an import.
"""

import itertools
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType
from typing import Any, Optional

from ididi_scopefix import _SWITCH
from ididi_scopefix._seeding import counted, tally

logger: logging.Logger = logging.getLogger("ididi_scopefix")
root: logging.Logger = logging.getLogger()

_MOST_CALLERS = 100  # are told apart; the others are counted together

# The call of the program that runs a function of this package.
_CALLS = {
    "use_scope": "use_scope",
    "__enter__": "scope",
    "__exit__": "scope",
    "ensure_and_exit": "scope",
    "__aenter__": "ascope",
    "leave_unentered": "ascope",
    "seed": "seed",
}

Caller = tuple[str, str, int, str]  # a call, and the file, line, function it is in

# No locks: next() and setdefault() are atomic, and a fork could copy a lock locked.
_counts: dict[Caller, Iterator[int]] = {}
_total = itertools.count(1)
_decided: Optional[str] = None
_patched = ""  # the sentence, until logging has taken it
_warned: set[str] = set()


def _forked() -> None:
    """Begin anew in a forked child, which is a process of its own."""
    global _total
    _total = itertools.count(1)
    _counts.clear()
    tally.reset()
    if _decided is not None:
        _write(_decided)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def is_verbose() -> bool:
    """Tell whether the environment wants the shim to say what it does."""
    return os.environ.get(_SWITCH, "").strip().lower() == "verbose"


def warn_once(message: str, error: "Optional[BaseException]" = None) -> None:
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
        heard = [each for each in found.handlers if each.level <= logging.INFO]
        if any(type(handler) is not logging.NullHandler for handler in heard):
            return True
        found = found.parent if found.propagate else None
    return False


def decided(state: str, reason: str, version: "Optional[str]") -> None:
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
                tally.first_is_unsaid = False
                tally.level = sys.maxsize if is_verbose() else -1  # no logger's
                text = _patched and f" {_patched}."
                where = (_described(caller), os.getpid(), _where(), text)
                logger.info("first need of a seed: %s (pid %d, %s).%s", *where)
    except Exception:
        pass


def callers() -> "list[tuple[Caller, int]]":
    """Return for which callers contexts were seeded, and how many."""
    return [(caller, counted(steps)) for caller, steps in list(_counts.items())]


def _caller(resolver: object) -> Caller:
    """Find the first frame outside ididi, this package, contextlib and wrapt."""
    call, method = "a scope call", None  # wrappers and compiled classes don't tell
    frame: Optional[FrameType] = sys._getframe(1)
    while frame is not None:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package == "ididi_scopefix":
            method = _CALLS.get(frame.f_code.co_name, method)
        elif package not in ("ididi", "contextlib", "wrapt"):
            break
        frame = frame.f_back
    if method == "seed":
        call = "seed()"
    elif method is not None:
        call = f"{type(resolver).__name__}.{method}()"
    if frame is None:
        return call, "?", 0, "?"
    return call, frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name


def _count(caller: Caller) -> None:
    """Count a seeding for *caller*, and write the lines that are due."""
    total = next(_total)
    if caller in _counts or len(_counts) < _MOST_CALLERS:
        new = itertools.count()
        steps = _counts.setdefault(caller, new)
        next(steps)
        if steps is new:
            _write(f"first need: {_described(caller)} ({_where()})")
    if total >= 10 and str(total).strip("0") == "1":
        most = sorted(callers(), key=lambda item: item[1], reverse=True)[:10]
        parts = [f"{count:,} {_described(caller)}" for caller, count in most]
        rest = total - sum(count for _, count in most)
        parts += [f"{rest:,} elsewhere"] if rest > 0 else []
        _write(f"{total:,} contexts seeded: {'; '.join(parts)}")


def _described(caller: Caller) -> str:
    call, file, line, function = caller
    with suppress(Exception):  # the working directory is gone, or on another drive
        relative = os.path.relpath(file)
        outside = relative.startswith(os.pardir) or os.getcwd() == os.sep
        file = file if outside else relative
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
    """Return the program's name and its words before the first option."""
    # What follows may contain a password.
    path, *words = map(str, getattr(sys, "argv", None) or [""])
    if os.path.basename(path) == "__main__.py":
        path = os.path.dirname(path)
    first = itertools.takewhile(lambda word: not word.startswith("-"), words)
    return " ".join([os.path.basename(path) or "python", *first])


def _write(text: str) -> None:
    """Write one line to standard error, if that can be done without waiting."""
    try:
        stream: Any = sys.__stderr__
        descriptor = stream.fileno()  # raises if there is none, or it is closed
        printable = (each if each.isprintable() else ascii(each)[1:-1] for each in text)
        line = f"ididi-scopefix[{os.getpid()}]: {''.join(printable)}"
        data = line.encode(stream.encoding, "backslashreplace")
        # A pipe that nobody reads would make a request wait. On Windows, select()
        # knows sockets only. Writes of this length are not split.
        from select import select

        if os.name != "posix" or select([], [descriptor], [], 0)[1]:
            os.write(descriptor, data[:4000] + b"\n")
    except Exception:
        pass

"""What the shim says, to logging and, in verbose mode, to standard error.

While ididi is being imported, nothing here calls the program's log handlers in the
importing thread: one that imports ididi itself would wait for the import, and the
import for it. So what is to be logged is logged when the fallback first answers.
Verbose lines go to the file descriptor: no configuration of logging suppresses them,
and a forked child waits for no lock.
"""

import itertools
import logging
import os
import sys
import threading
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from ididi_scopefix import _SWITCH

if TYPE_CHECKING:
    from ididi.graph import Resolver
else:
    Resolver = Any

_MOST_CALLERS = 100  # are told apart; the others are counted together


class Caller(NamedTuple):
    """Code of the program that makes a scope *call*."""

    call: str
    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.call} at {_shown(self.file)}:{self.line} in {self.function}"


# No locks: next() and setdefault() are atomic, and a fork could copy a lock locked.
_calls: Iterator[int] = itertools.count(1)
_callers: dict[Caller, Iterator[int]] = {}
_named: Iterator[int] = itertools.count(1)  # the callers of which a line was written
_is_verbose = False
_patched = ""  # a sentence, if ididi is patched
_said = ""  # the last decision, in verbose mode
_warned: set[str] = set()


def fallbacks() -> int:
    """Return how many calls the fallback has answered in this process."""
    return _counted(_calls)


def callers() -> "list[tuple[Caller, int]]":
    """Return which code has made those calls, and how many; only in verbose mode."""
    return [(caller, _counted(count)) for caller, count in list(_callers.items())]


def _counted(count: Iterator[int]) -> int:
    """Return how often ``next()`` was called on *count*, which began at 1."""
    # Its repr, "count(8)", is all that tells: next() would count one more.
    coming = repr(count)[len("count(") : -len(")")]
    return int(coming) - 1


def _forked() -> None:
    """Begin anew in a forked child, which is a process of its own."""
    global _calls, _named
    _calls, _named = itertools.count(1), itertools.count(1)
    _callers.clear()
    if _said:
        _write(_said)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


def warn(message: str, error: "Optional[BaseException]" = None) -> None:
    """Log a warning, once for each *message*, and the traceback at DEBUG.

    A thread does it: see above. This one waits for that one, but not for ever.
    """
    if message in _warned:
        return
    _warned.add(message)

    def log() -> None:
        logger = logging.getLogger("ididi_scopefix")
        logger.warning(message)
        if error is not None:
            logger.debug("the reason:", exc_info=error)

    thread = threading.Thread(target=log, name="ididi-scopefix")
    try:
        thread.start()
    except RuntimeError:  # there are no threads here, or no more of them
        log()
    else:
        thread.join(1)


def decided(state: str, reason: str, version: "Optional[str]") -> None:
    """Take note of what was decided about ididi, and say so in verbose mode."""
    global _is_verbose, _patched, _said
    _is_verbose = os.environ.get(_SWITCH, "").strip().lower() == "verbose"
    if state == "active":
        _patched = f"ididi {version} is patched"
        python = ".".join(map(str, sys.version_info[:3]))
        text = f"active: {_patched} (Python {python}, {_program()})"
    else:
        text = f"{'left alone' if state == 'inactive' else state}: {reason}"
    if _is_verbose and text != _said:
        _said = text
        _write(text)


def answered(resolver: "Optional[Resolver]", frame: "Optional[FrameType]") -> None:
    """Count a call that the fallback has answered, and say what there is to say.

    Args:
        resolver: the graph or scope that was asked, if that is known.
        frame: what has asked for the scope: a method of ididi, if it is not compiled.
    """
    number = next(_calls)
    if number == 1 or _is_verbose:
        caller = _caller(resolver, frame)
        if _is_verbose:
            _count(caller, number)
        if number == 1:
            logger = logging.getLogger("ididi_scopefix")
            where = (caller, os.getpid(), _where(), _patched)
            logger.info("first need: %s (pid %d, %s). %s.", *where)


def _caller(resolver: "Optional[Resolver]", frame: "Optional[FrameType]") -> Caller:
    """Find the first frame outside ididi and the libraries that wrap its methods."""
    call = "a scope call"
    if resolver is not None and frame is not None:
        call = f"{type(resolver).__name__}.{frame.f_code.co_name}()"
    while frame is not None:
        package = str(frame.f_globals.get("__name__")).partition(".")[0]
        if package not in ("ididi", "contextlib", "wrapt"):
            file, function = frame.f_code.co_filename, frame.f_code.co_name
            return Caller(call, file, frame.f_lineno, function)
        frame = frame.f_back
    return Caller(call, "?", 0, "?")


def _count(caller: Caller, number: int) -> None:
    """Count a call of *caller*, the process's *number*, and write what is due."""
    if caller in _callers or len(_callers) < _MOST_CALLERS:
        new: Iterator[int] = itertools.count(1)
        count = _callers.setdefault(caller, new)
        next(count)
        if count is new:
            which = "first need" if next(_named) == 1 else "also needed"
            _write(f"{which}: {caller} ({_where()})")
    if number >= 10 and _is_power_of_ten(number):
        most = sorted(callers(), key=lambda item: item[1], reverse=True)[:10]
        parts = [f"{count:,} {caller}" for caller, count in most]
        rest = number - sum(count for _, count in most)
        parts += [f"{rest:,} elsewhere"] if rest > 0 else []
        _write(f"{number:,} calls answered: {'; '.join(parts)}")


def _is_power_of_ten(number: int) -> bool:
    return str(number).rstrip("0") == "1"


def _shown(file: str) -> str:
    """Return *file* as seen from the working directory, if it is in there."""
    try:
        relative, here = os.path.relpath(file), os.getcwd()
    except (OSError, ValueError):  # that is gone, or on another drive
        return file
    return file if relative.startswith(os.pardir) or here == os.sep else relative


def _where() -> str:
    """Return the names of the current thread and of the current task, if any."""
    from asyncio import current_task  # ididi has imported it

    where = f"thread {threading.current_thread().name}"
    try:
        task: Any = current_task()
    except RuntimeError:  # no event loop runs here
        return where
    return where if task is None else f"{where}, task {task.get_name()}"


def _program() -> str:
    """Return the program's name and its words before the first option."""
    # What follows may contain a password.
    path, *words = map(str, getattr(sys, "argv", None) or [""])
    if os.path.basename(path) == "__main__.py":
        path = os.path.dirname(path)
    first = itertools.takewhile(lambda word: not word.startswith("-"), words)
    return " ".join([os.path.basename(path) or "python", *first])


def _write(text: str) -> None:
    """Write one line to standard error, unless the process has none."""
    stream: Any = sys.__stderr__
    try:
        descriptor, encoding = stream.fileno(), stream.encoding
    except (AttributeError, ValueError):
        return  # it is None, closed, or no file
    printable = (each if each.isprintable() else ascii(each)[1:-1] for each in text)
    line = f"ididi-scopefix[{os.getpid()}]: {''.join(printable)}"
    data = line.encode(encoding or "utf-8", "backslashreplace")
    try:
        os.write(descriptor, data[:4000] + b"\n")
    except OSError as error:
        if error.errno is None:
            raise  # a time limit, and not the system's word that nobody reads there

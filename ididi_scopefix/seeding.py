"""Seeds: putting them in, telling them from other scopes, counting them."""

from __future__ import annotations

import itertools
import os
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Optional

from ididi_scopefix import log
from ididi_scopefix.log import DEBUG, INFO, logger, root

if TYPE_CHECKING:
    from weakref import ref

    from ididi_scopefix.default_scope import Seed


class _Absent:
    """No graph's scope: its registry is nobody's.

    So a call that compares its graph's registry with that of the scope it finds
    needs no case of its own for a context without one.
    """

    # An attribute of the instance, which Python finds sooner than the class's.
    __slots__ = ("_type_registry",)

    def __init__(self) -> None:
        self._type_registry = object()


ABSENT: Any = _Absent()
"""Stands for the scope of a context that has none."""

# Tells a seed from the same default scope in the context that built the graph,
# which is a scope somebody put there and is left alone.
_mark: ContextVar[Optional[ref[Seed]]] = ContextVar("ididi_scopefix_mark")


def put(variable: ContextVar[Any], seed: Seed) -> None:
    """Seed the current context with *seed*, and mark it as seeded."""
    _mark.set(seed.mark)
    variable.set(seed.scope)


def may_seed(scope: object) -> bool:
    """Tell whether the current context may be seeded, which has *scope*.

    It may if that is :data:`ABSENT` or there as a seed, and not a scope that
    somebody has put there.
    """
    if scope is ABSENT:
        return True
    mark = _mark.get(None)
    seed = mark() if mark is not None else None
    return seed is not None and seed.scope is scope


def unmark() -> None:
    """Make the current context's scope one that is no seed, to be left alone."""
    _mark.set(None)


class _Tally:
    """Counts the seeded contexts of this process.

    ``next`` on a counter is one step that no other thread can divide, so that
    counting needs no lock in the way of a request. A counter can't be read
    without advancing it; the readings are counted too and taken off.
    """

    def __init__(self) -> None:
        self.steps = itertools.count()
        self.unreported = [INFO]
        self._readings = itertools.count()
        self._reading = threading.Lock()

    def total(self) -> int:
        """Return how many contexts were counted."""
        with self._reading:
            return next(self.steps) - next(self._readings)


_tally = _Tally()


def _renew_tally() -> None:
    global _tally
    _tally = _Tally()


# A forked child is a process of its own: it counts and reports its own seeds.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_tally)


def total() -> int:
    """Return how many contexts this process has seeded so far."""
    return _tally.total()


def fill(variable: ContextVar[Any], seed: Seed) -> None:
    """Seed the current context, which has no scope: put, count and log.

    At INFO if it is the first of this process.
    """
    # As put() does, and without a call of it: each request may come here.
    _mark.set(seed.mark)
    variable.set(seed.scope)
    tally = _tally
    next(tally.steps)
    # The levels by hand, before any call: asking the logger takes as long as
    # all the rest of a seeding.
    if tally.unreported or (logger.level or root.level) <= DEBUG:
        _report(tally, seed)


def _report(tally: _Tally, seed: Seed) -> None:
    try:
        level = tally.unreported.pop()
    except IndexError:
        level = DEBUG
    if logger.isEnabledFor(level):
        log.log(
            level,
            "seeded a context without a scope in thread %r with %r",
            threading.current_thread().name,
            seed.scope,
        )

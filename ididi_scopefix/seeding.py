"""Seeds: putting them in, telling them from other scopes, counting them."""

from __future__ import annotations

import itertools
import os
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any
from weakref import ref

from ididi_scopefix import log
from ididi_scopefix.default_scope import keeper_of, kept_by

if TYPE_CHECKING:
    from ididi.graph import SyncScope


class _Absent:
    """No graph's scope: its registry is nobody's.

    So a call that compares its graph's registry with that of the scope it finds
    needs no case of its own for a context without one.
    """

    __slots__ = ()
    _type_registry = object()


ABSENT: Any = _Absent()
"""Stands for the scope of a context that has none."""

# Tells a seed from the same default scope in the context that built the graph,
# which is a scope somebody put there and is left alone. The mark refers to the
# scope's keeper and not to the scope, which in ididi 1.4.4 and 1.5.x can't be
# referred to weakly; a strong reference would keep a graph alive in a context
# that has long had another one's scope.
_mark: ContextVar[ref[object]] = ContextVar("ididi_scopefix_mark")


def put(variable: ContextVar[Any], default: SyncScope) -> None:
    """Make *default* the scope of the current context, marked as a seed."""
    _mark.set(ref(keeper_of(default)))
    variable.set(default)


def is_seed(scope: object) -> bool:
    """Tell whether *scope*, the current context's, is there as a seed."""
    mark = _mark.get(None)
    keeper = mark() if mark is not None else None
    return keeper is not None and kept_by(keeper) is scope


class _Tally:
    """Counts the seeded contexts of this process.

    ``next`` on a counter is one step that no other thread can divide, so that
    counting needs no lock in the way of a request. A counter can't be read
    without advancing it; the readings are counted too and taken off.
    """

    def __init__(self) -> None:
        self.steps = itertools.count()
        self.first = itertools.repeat(log.INFO, 1)
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


def count(default: SyncScope) -> None:
    """Count one context seeded with *default*, and log it.

    At INFO if it is the first of this process.
    """
    tally = _tally
    next(tally.steps)
    level = next(tally.first, log.DEBUG)
    if log.is_wanted(level):
        log.log(
            level,
            "seeded a context without a scope in thread %r with %r",
            threading.current_thread().name,
            default,
        )

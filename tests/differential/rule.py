"""The shim, and its rule, done by hand with plain ididi: what programs are run with.

A program tells of each call before it makes it. Where the context has no scope, the
rule puts the default scope of the graph that asks there, and takes it out again when
the call has been made, or when the scope that it has opened is closed.
"""

from __future__ import annotations

from contextvars import Context, ContextVar, Token
from typing import Any, Optional
from weakref import ref

import ididi.graph

import ididi_scopefix
from tests.shape import is_compiled

# Not by the name, to which the shim binds its replacement.
PLAIN = Context().run(ididi.graph._SCOPE_CONTEXT.set, None).var
"""The variable of ididi itself."""

PUT: ContextVar[Optional[tuple[Token[Any], Any]]] = ContextVar("put", default=None)
"""What the rule has put into a context, and the token that takes it out."""


class Shim:
    """The shim itself, which has to be told nothing."""

    is_on = True

    def switch(self, is_on: bool) -> None:
        """Switch the shim on or off."""
        self.is_on = is_on
        if is_on:
            ididi_scopefix.activate()
        else:
            ididi_scopefix.deactivate()

    def seed(self, graph: Any) -> Any:
        return ididi_scopefix.seed(graph)

    def fallbacks(self) -> int:
        """Return how many calls have needed a default scope."""
        return ididi_scopefix.status().fallbacks

    def built(self, graph: Any, default: Any) -> None:
        """Learn that *graph* has been built, with its *default* scope."""

    def asks(self, resolver: Any) -> None:
        """Learn that *resolver* is going to ask for a scope in this context."""

    def settle(self) -> None:
        """Leave the context as it was before the last call."""


class Rule(Shim):
    """What the shim is to do, where ididi has its own variable."""

    def __init__(self) -> None:
        self._pools: list[ref[Any]] = []
        self._fallbacks = 0
        ididi_scopefix.deactivate()
        ididi.graph._SCOPE_CONTEXT = PLAIN

    def switch(self, is_on: bool) -> None:
        self.is_on = is_on

    def seed(self, graph: Any) -> Any:
        default = graph._workers.default_scope
        if self.is_on and PLAIN.get(None) is None:
            PLAIN.set(default)
        return default

    def fallbacks(self) -> int:
        return self._fallbacks

    def built(self, graph: Any, default: Any) -> None:
        # The pool has a name for everything in every release, and dies with the graph.
        graph._workers.default_scope = default
        self._pools.append(ref(graph._workers))

    def asks(self, resolver: Any) -> None:
        self.settle()
        if not self.is_on or PLAIN.get(None) is not None:
            return
        if is_compiled():
            pool = [pool() for pool in self._pools if pool() is not None][-1]
        else:
            pool = resolver._workers
        self._fallbacks += 1
        default = pool.default_scope
        PUT.set((PLAIN.set(default), default))

    def settle(self) -> None:
        put = PUT.get()
        if put is not None and put[1] is PLAIN.get(None):
            PLAIN.reset(put[0])
            PUT.set(None)

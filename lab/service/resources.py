"""The graph, what is opened in its scopes, and the ledger of what is open."""

# Without `from __future__ import annotations`: ididi reads the annotations of
# the factories and does not resolve generic ones from text.
import os
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from ididi import Graph
from ididi.config import DefaultScopeName


class Resource:
    """Something that is open, has one owner, and is closed with its scope.

    Attributes:
        owner: the connection in whose scope it was resolved; a second one is
            what must never happen.
        is_open: whether its scope still holds it.
    """

    def __init__(self) -> None:
        self.owner: object = None
        self.is_open = True


class Session(Resource):
    """A session of the database."""


class Audit(Resource):
    """The audit trail, whose library is not an async one."""


R = TypeVar("R", bound=Resource)


class Ledger:
    """Counts resources, connections and violations of isolation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()
        self._connections = 0
        self._violations: list[str] = []

    @contextmanager
    def holding(self, resource: R) -> Iterator[R]:
        """Count *resource* as open until the scope that holds it ends."""
        kind = type(resource).__name__
        with self._lock:
            self._open[kind] += 1
        try:
            yield resource
        finally:
            resource.is_open = False
            with self._lock:
                self._open[kind] -= 1

    def connection(self) -> None:
        """Count one connection."""
        with self._lock:
            self._connections += 1

    def violation(self, text: str) -> None:
        """Note one violation of isolation."""
        with self._lock:
            self._violations.append(text)

    def report(self) -> dict[str, Any]:
        """Return everything that was counted in this process."""
        with self._lock:
            return {
                "worker": os.getpid(),
                "connections": self._connections,
                "open": {kind: n for kind, n in self._open.items() if n},
                # All of them would tell no more.
                "violations": self._violations[:5],
            }


ledger = Ledger()
graph = Graph()

# This module is imported in the context that has built the graph, so that the
# scope can be asked for by name with ididi alone. Every chain must end at it.
default_scope = graph.use_scope(DefaultScopeName)


async def open_session() -> AsyncGenerator[Session, None]:
    """Hold a session of the database for as long as a scope is open."""
    with ledger.holding(Session()) as session:
        yield session


def open_audit() -> Generator[Audit, None, None]:
    """Hold the audit trail for as long as a scope is open."""
    with ledger.holding(Audit()) as audit:
        yield audit


# Once for each scope that asks.
for factory in (open_session, open_audit):
    graph.node(factory, reuse=True)

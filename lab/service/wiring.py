"""The graph: which classes there are and who makes them."""

# Without `from __future__ import annotations`: ididi reads the annotations of
# the factories and does not resolve generic ones from text.
from collections.abc import AsyncGenerator, Generator

from ididi import Graph
from ididi.config import DefaultScopeName

from lab.service.ledger import ledger
from lab.service.resources import Audit, KeyStore, Session

graph = Graph()

# This module is imported in the context that has built the graph, so that the
# scope can be asked for by name with ididi alone. Every chain must end at it.
default_scope = graph.use_scope(DefaultScopeName)


async def open_key_store() -> AsyncGenerator[KeyStore, None]:
    """Hold the signing key for as long as the service runs."""
    with ledger.holding(KeyStore()) as keys:
        yield keys


async def open_session() -> AsyncGenerator[Session, None]:
    """Hold a session of the database for as long as a scope is open."""
    with ledger.holding(Session()) as session:
        yield session


def open_audit() -> Generator[Audit, None, None]:
    """Hold the audit trail, whose library is not an async one."""
    with ledger.holding(Audit()) as audit:
        yield audit


# Once for each scope that asks.
for factory in (open_key_store, open_session, open_audit):
    graph.node(factory, reuse=True)

"""The graph, built at one of three moments, and what a request does with it."""

from __future__ import annotations

import json
import os
from typing import Any, Optional

from ididi import Graph
from ididi.config import DefaultScopeName

# As in a program: what is not imported at start-up is imported here.
import ididi_scopefix  # noqa: F401

VARIABLE = "GRAPH_BUILT"
"""Names the moment at which the graph is built: at import if it is not set."""

IMPORT, LIFESPAN, FIRST_REQUEST = "import", "lifespan", "first request"


class Caller:
    """Who has sent a request: a dependency that no other request may have."""

    def __init__(self, name: str) -> None:
        self.name = name


class _Built:
    """A graph, and the default scope that it was built with."""

    def __init__(self) -> None:
        self.graph = Graph()
        self.default_scope = self.graph.use_scope(DefaultScopeName)


_built: Optional[_Built] = None


def reach(moment: str) -> None:
    """Build the graph if it is to be built at *moment* and is not there yet."""
    global _built
    if _built is None and os.environ.get(VARIABLE, IMPORT) == moment:
        _built = _Built()


def visit(name: str) -> bytes:
    """Answer a request in a thread: see its scopes, and nobody else's."""
    graph = _graph()
    assert _names() == ["default"]
    with graph.scope("connection") as connection:
        connection.register_singleton(Caller(name))
        with graph.scope("request"):
            return _answer(graph.use_scope("connection").resolve(Caller))


async def avisit(name: str) -> bytes:
    """Answer a request in an event loop: see its scopes, and nobody else's."""
    graph = _graph()
    assert _names() == ["default"]
    async with graph.ascope("connection") as connection:
        connection.register_singleton(Caller(name))
        async with graph.ascope("request"):
            inner = graph.use_scope("connection", as_async=True)
            return _answer(await inner.resolve(Caller))


def _graph() -> Graph:
    reach(FIRST_REQUEST)
    assert _built is not None
    return _built.graph


def _answer(caller: Caller) -> bytes:
    content = {"request": caller.name, "worker": os.getpid(), "scopes": list(_names())}
    return json.dumps(content).encode()


def _names() -> list[str]:
    """Return the names of the current scope and of those that it is in."""
    assert _built is not None
    names = []
    scope: Any = _built.graph.use_scope()
    while scope is not _built.default_scope:
        names.append(scope.name)
        scope = scope.pre
    return [*names, "default"]


reach(IMPORT)

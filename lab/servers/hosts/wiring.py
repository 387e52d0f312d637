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


_graph: Optional[Graph] = None
_default_scope: Any = None


def reach(moment: str) -> None:
    """Build the graph if it is to be built at *moment* and is not there yet."""
    global _graph, _default_scope
    if _graph is None and os.environ.get(VARIABLE, IMPORT) == moment:
        graph = Graph()
        # Where it is built, ididi alone finds it by its name.
        _default_scope = graph.use_scope(DefaultScopeName)
        _graph = graph


def visit(name: str) -> bytes:
    """Answer a request in a thread: see its scopes, and nobody else's."""
    graph = _built()
    assert _names(graph) == ["default"]
    with graph.scope("connection") as connection:
        connection.register_singleton(Caller(name))
        with graph.scope("request"):
            return _answer(graph, graph.use_scope("connection").resolve(Caller))


async def avisit(name: str) -> bytes:
    """Answer a request in an event loop: see its scopes, and nobody else's."""
    graph = _built()
    assert _names(graph) == ["default"]
    async with graph.ascope("connection") as connection:
        connection.register_singleton(Caller(name))
        async with graph.ascope("request"):
            inner = graph.use_scope("connection", as_async=True)
            return _answer(graph, await inner.resolve(Caller))


def _built() -> Graph:
    reach(FIRST_REQUEST)
    assert _graph is not None
    return _graph


def _answer(graph: Graph, caller: Caller) -> bytes:
    return json.dumps({"request": caller.name, "scopes": _names(graph)}).encode()


def _names(graph: Graph) -> list[str]:
    """Return the names of the current scope and of those that it is in."""
    names = []
    scope: Any = graph.use_scope()
    while scope is not _default_scope:
        names.append(scope.name)
        scope = scope.pre
    return [*names, "default"]


reach(IMPORT)

"""An application that does nothing but open scopes: one path, one call."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import ididi.graph
from ididi import Graph
from ididi.config import DefaultScopeName

from lab.servers.hosts.protocol import answer, lifespan

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

graph = Graph()


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Make the call that the path names, and answer 200 if it works."""
    await _serve(scope, receive, send, lambda: None)


async def seeded_in_lifespan(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Do the same, with the usual workaround at the start of the lifespan."""

    def seed() -> None:
        default = graph.use_scope(DefaultScopeName)
        ididi.graph._SCOPE_CONTEXT.set(default)

    await _serve(scope, receive, send, seed)


async def _serve(
    scope: dict[str, Any], receive: Any, send: Any, start: Callable[[], None]
) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send, start)
        return
    call = CALLS.get(scope["path"])
    if call is not None:
        await call()
    await answer(send, 200, b"")


async def _ascope() -> None:
    async with graph.ascope("request"):
        pass


async def _use_scope() -> None:
    graph.use_scope()


async def _default() -> None:
    async with graph.ascope("request"):
        graph.use_scope(DefaultScopeName)


async def _thread() -> None:
    def run() -> None:
        with graph.scope("job"):
            pass

    await asyncio.get_running_loop().run_in_executor(None, run)


CALLS: dict[str, Callable[[], Awaitable[None]]] = {
    "/ascope": _ascope,
    "/use_scope": _use_scope,
    "/default": _default,
    "/thread": _thread,
}

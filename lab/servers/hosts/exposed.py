"""Tells what a request finds before it has opened a scope of its own.

Each request holds a session in a scope and answers inside that scope, as
middleware does, and lihil. What it finds is the graph's default scope, or else a
scope of another request.
"""

# Without `from __future__ import annotations`: ididi reads the annotations of
# the factory and does not resolve generic ones from text.
import json
from collections.abc import AsyncGenerator
from typing import Any, Optional

from ididi import Graph
from ididi.config import DefaultScopeName

# As in a program: what is not imported at start-up is imported here.
import ididi_scopefix  # noqa: F401
from lab.servers.hosts.protocol import answer, lifespan, name_of


class Session:
    """A session of a database, which belongs to one request."""

    owner: Optional[str] = None
    is_open = True


async def open_session() -> AsyncGenerator[Session, None]:
    """Hold a session for as long as a scope is open."""
    session = Session()
    yield session
    session.is_open = False


async def report(name: str, found: Any, session: Session) -> dict[str, Any]:
    """Return what the request *name* has seen.

    Args:
        name: what the client calls the request.
        found: the scope that was the current one when the request began.
        session: the session in the scope that the request has opened.
    """
    handed_out = None
    if found.name != DefaultScopeName:
        # Some request has opened it, and has its session there.
        handed_out = await found.resolve(Session)
    depth, scope = 1, found
    while hasattr(scope, "pre"):
        depth, scope = depth + 1, scope.pre
    seen = {
        "request": name,
        "depth": depth,
        "session_of": handed_out and handed_out.owner,
        "session_is_open": handed_out and handed_out.is_open,
        "owner_before": session.owner,
    }
    session.owner = name
    return seen


graph = Graph()
graph.node(open_session, reuse=True)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Serve one connection, or the lifespan."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send, lambda: None)
    elif scope["path"] != "/visit":
        await answer(send, 404, b"")
    else:
        while scope["type"] == "http" and (await receive()).get("more_body"):
            pass
        name = name_of(scope)
        found = graph.use_scope(as_async=True)
        async with graph.ascope(name) as own:
            session = await own.resolve(Session)
            body = json.dumps(await report(name, found, session))
            if scope["type"] == "http":
                await answer(send, 200, body.encode())
            else:
                await receive()
                await send({"type": "websocket.accept"})
                await send({"type": "websocket.send", "text": body})
                await send({"type": "websocket.close"})

"""Tells what a request finds before it has opened a scope of its own.

Each request holds a session in a scope and answers inside that scope, as
middleware does and as lihil does. What it finds first is either the graph's
default scope, or the scope of another request. ``ididi`` is for ididi alone,
``isolated`` is the same behind the middleware of ``docs/recipes.md``, and
``lihil`` is for lihil's endpoints.
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


class Session:
    """A session of a database, which belongs to one request."""

    owner: Optional[str] = None
    is_open = True


async def open_session() -> AsyncGenerator[Session, None]:
    """Hold a session for as long as a scope is open."""
    session = Session()
    yield session
    session.is_open = False


graph = Graph()
graph.node(open_session, reuse=True)


async def seen(name: str, found: Any, session: Session) -> dict[str, Any]:
    """Return what the request *name* has seen.

    Args:
        name: what the client calls the request.
        found: the scope that was the current one when the request started.
        session: the session in the scope that the request has opened itself.
    """
    handed_out = None
    if found.name != DefaultScopeName:
        # Nothing else is in a scope that some request has opened.
        handed_out = await found.resolve(Session)
    report = {
        "request": name,
        "depth": 1 + _depth(found),
        "session_of": handed_out and handed_out.owner,
        "session_is_open": handed_out and handed_out.is_open,
        "own_session_of": session.owner,
    }
    session.owner = name
    return report


def _depth(scope: Any) -> int:
    return 1 + _depth(scope.pre) if hasattr(scope, "pre") else 0


async def ididi(scope: Any, receive: Any, send: Any) -> None:
    """Serve one connection, with ididi alone."""
    if scope["type"] == "lifespan":
        raise NotImplementedError
    while (await receive()).get("more_body"):
        pass
    if scope["path"] != "/visit":
        await _answer(send, 404, {})
        return
    name = dict(scope["headers"])[b"x-request-id"].decode()
    found = graph.use_scope(as_async=True)
    async with graph.ascope(name) as own:
        session = await own.resolve(Session)
        await _answer(send, 200, await seen(name, found, session))


async def _answer(send: Any, status: int, content: Any) -> None:
    body = json.dumps(content).encode()
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""For any ASGI server: ``uvicorn lab.servers.hosts.asgi:app``."""

from __future__ import annotations

from typing import Any

from lab.servers.hosts import wiring
from lab.servers.hosts.protocol import answer, lifespan, name_of


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Serve one connection, or the lifespan."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send, lambda: wiring.reach(wiring.LIFESPAN))
    elif scope["path"] == "/visit":
        await answer(send, 200, await wiring.avisit(name_of(scope)))
    else:
        await answer(send, 404, b"")

"""For any ASGI server: ``uvicorn tests.servers.hosts.asgi:app``."""

from __future__ import annotations

from typing import Any

from tests.servers.hosts import wiring


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Serve one connection, or the lifespan."""
    if scope["type"] == "lifespan":
        await _lifespan(receive, send)
        return
    status, body = 404, b""
    if scope["path"] == "/visit":
        name = dict(scope["headers"])[b"x-request-id"].decode()
        status, body = 200, await wiring.avisit(name)
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(receive: Any, send: Any) -> None:
    await receive()
    wiring.reach(wiring.LIFESPAN)
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})

"""What every ASGI application has to answer."""

from __future__ import annotations

from typing import Any, Callable


async def lifespan(receive: Any, send: Any, start: Callable[[], None]) -> None:
    """Live as long as the server does, and call *start* first."""
    await receive()
    start()
    await send({"type": "lifespan.startup.complete"})
    await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def answer(send: Any, status: int, body: bytes) -> None:
    """Send a whole answer."""
    headers = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def name_of(scope: Any) -> str:
    """Return what the client calls the request."""
    name: bytes = dict(scope["headers"])[b"x-request-id"]
    return name.decode()

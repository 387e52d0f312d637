"""The middleware: one ididi scope for each connection.

Plain ASGI, without Starlette's base class: that one runs the rest of the
application in another task.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers, MutableHeaders

from lab.service.isolation import KEY, Trail
from lab.service.ledger import ledger
from lab.service.wiring import graph

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Caller:
    """Who called, as the middleware found out.

    Attributes:
        request: what the client calls this request, if it does.
    """

    request: str


class ConnectionScope:
    """Opens the scope ``connection`` around everything behind it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a connection on, in a scope of its own and with its caller."""
        if scope["type"] not in ("http", "websocket"):
            # The lifespan is no connection. It has a context of its own, and a
            # scope that was opened in it would reach no request.
            await self.app(scope, receive, send)
            return
        ledger.connection()
        number = next(_numbers)
        state: dict[str, Any] = scope["state"]
        caller = Caller(Headers(scope=scope).get("x-request-id", str(number)))
        trail = Trail(number)

        async def send_with_worker(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-worker"] = str(os.getpid())
            await send(message)

        try:
            async with graph.ascope("connection") as connection:
                # In both scopes: who is behind us may ask either. Not every
                # server makes a copy of the lifespan's state for each.
                scope["state"] = {**state, "caller": caller}
                connection.register_singleton(caller)
                scope[KEY] = trail
                with trail.opened(connection):
                    await self.app(scope, receive, send_with_worker)
        finally:
            # Also if the client is gone or the route has raised.
            if KEY in scope:
                trail.check()

"""The application: ``uvicorn lab.service.app:app``."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI
from starlette.datastructures import Headers

from lab.service import contexts, routes
from lab.service.isolation import KEY, Caller, Trail
from lab.service.resources import graph, ledger

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_numbers = itertools.count(1)


class ConnectionScope:
    """The middleware: opens the scope ``connection`` around everything behind it.

    Plain ASGI, without Starlette's base class: that one runs the rest of the
    application in another task.
    """

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
        caller = Caller(Headers(scope=scope).get("x-request-id", str(number)))
        trail = Trail(number, caller)
        try:
            async with graph.ascope("connection") as connection:
                connection.register_singleton(caller)
                scope[KEY] = trail
                with trail.opened(connection):
                    await self.app(scope, receive, send)
        finally:
            # Also if the client is gone or the route has raised.
            trail.check()


app = FastAPI()
app.add_middleware(ConnectionScope)
app.add_exception_handler(routes.RefusedError, routes.refuse)
app.include_router(routes.router)
app.include_router(contexts.router)


@app.get("/ledger")
async def report() -> dict[str, Any]:
    """Show the ledger of the process that answers; opens no resource."""
    return ledger.report()

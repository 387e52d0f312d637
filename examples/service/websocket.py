"""A websocket: one scope for all of a connection."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from examples.service.isolation import trail_of
from examples.service.resources import Session
from examples.service.wiring import graph

router = APIRouter()


@router.websocket("/ws")
async def talk(websocket: WebSocket) -> None:
    """Answer every message from the session of this connection's scope."""
    trail = trail_of(websocket.scope)
    await websocket.accept()
    scope = graph.use_scope("connection", as_async=True)
    session = trail.own(await scope.resolve(Session))
    async for message in websocket.iter_text():
        here = graph.use_scope("connection", as_async=True)
        if await here.resolve(Session) is not session:
            raise AssertionError("the scope holds another session")
        await websocket.send_json(
            {
                "request": websocket.state.caller.request,
                "echo": message,
                "scopes": trail.check(),
            }
        )

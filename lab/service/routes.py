"""Ordinary routes: a worker thread, background tasks, a stream, a websocket."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, BackgroundTasks, Depends, Request, WebSocket
from starlette.responses import JSONResponse, StreamingResponse

from lab.service.isolation import Trail, trail_of
from lab.service.resources import Audit, Session, graph

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Send

router = APIRouter()


class RefusedError(Exception):
    """Raised because the client asked for it."""


@router.get("/request")
async def in_scope(request: Request, refused: bool = False) -> dict[str, Any]:
    """Open a scope in an async route, and raise in it if that was asked for."""
    trail = trail_of(request)
    async with graph.ascope("request") as scope:
        with trail.opened(scope):
            trail.own(await scope.resolve(Session))
            trail.own(await scope.resolve(Audit))
            if refused:
                raise RefusedError
            return await trail.answer()


async def refuse(request: Request, error: Exception) -> JSONResponse:
    """Answer that exception, inside the middleware's scope."""
    trail = trail_of(request)
    trail.check()
    async with graph.ascope("refusal") as scope:
        with trail.opened(scope):
            trail.own(await scope.resolve(Audit))
            return JSONResponse(await trail.answer(), 403)


@router.get("/sync")
def in_worker_thread(request: Request) -> dict[str, Any]:
    """Open a scope in a worker thread, in a copy of the request's context."""
    trail = trail_of(request).branch(inherits=True)
    with graph.scope("request") as scope, trail.opened(scope):
        trail.own(scope.resolve(Audit))
    trail.check()
    return {"request": trail.caller.request}


async def work(request: Request) -> AsyncIterator[Session]:
    """Hold a scope around the route: a ``yield`` dependency.

    An async one. The two halves of a sync one run in different copies of the
    context, and no context variable at all can be reset across them.
    """
    trail = trail_of(request)
    async with graph.ascope("work") as scope:
        with trail.opened(scope):
            yield trail.own(await scope.resolve(Session))
    trail.check()


@router.get("/work")
async def with_dependency(
    request: Request,
    session: Session = Depends(work),  # noqa: B008
) -> dict[str, Any]:
    """Use the scope that the dependency holds."""
    if await graph.use_scope("work", as_async=True).resolve(Session) is not session:
        raise AssertionError("the scope holds another session")
    return await trail_of(request).answer()


@router.get("/background")
async def with_background(request: Request, tasks: BackgroundTasks) -> dict[str, Any]:
    """Leave work for after the response."""
    trail = trail_of(request)
    tasks.add_task(_afterwards, trail)
    tasks.add_task(_afterwards_in_thread, trail.branch(inherits=True))
    return await trail.answer()


async def _afterwards(trail: Trail) -> None:
    async with graph.ascope("background") as scope:
        with trail.opened(scope):
            trail.own(await scope.resolve(Session))
    trail.check()


def _afterwards_in_thread(trail: Trail) -> None:
    with graph.scope("background") as scope, trail.opened(scope):
        trail.own(scope.resolve(Audit))
    trail.check()


class ScopedStream(StreamingResponse):
    """Holds the scope ``stream`` for as long as it streams.

    The response opens the scope and not the generator that it streams: when
    the client hangs up, nobody finishes the generator but the garbage
    collector, some time later and in another context.
    """

    def __init__(self, trail: Trail, chunks: int, pause: float) -> None:
        super().__init__(self._numbers(chunks, pause), media_type="text/plain")
        # Whether this is a copy of the request's context or the context itself
        # depends on the server's version of ASGI; the chain is the same.
        self._trail = trail.branch(inherits=True)

    async def stream_response(self, send: Send) -> None:
        """Stream, in whichever task Starlette chooses."""
        try:
            async with graph.ascope("stream") as scope:
                with self._trail.opened(scope):
                    self._trail.own(await scope.resolve(Session))
                    await super().stream_response(send)
        finally:
            self._trail.check()

    async def _numbers(self, chunks: int, pause: float) -> AsyncIterator[str]:
        for number in range(chunks) if chunks else itertools.count():
            self._trail.check()
            yield f"{number}\n"
            await asyncio.sleep(pause)


@router.get("/stream")
async def stream(request: Request, chunks: int = 3, pause: float = 0) -> Any:
    """Stream numbers, without an end if *chunks* is 0."""
    return ScopedStream(trail_of(request), chunks, pause)


@router.websocket("/ws")
async def talk(websocket: WebSocket) -> None:
    """Answer every message from the session of this connection's scope."""
    trail = trail_of(websocket)
    await websocket.accept()
    scope = graph.use_scope("connection", as_async=True)
    session = trail.own(await scope.resolve(Session))
    async for message in websocket.iter_text():
        here = graph.use_scope("connection", as_async=True)
        if await here.resolve(Session) is not session:
            raise AssertionError("the scope holds another session")
        await websocket.send_json({**await trail.answer(), "echo": message})

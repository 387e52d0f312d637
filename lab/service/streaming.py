"""A response that keeps a scope open while it streams."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from starlette.responses import StreamingResponse

from lab.service.isolation import trail_of
from lab.service.resources import Session
from lab.service.wiring import graph

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Send

    from lab.service.isolation import Trail

router = APIRouter()


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
    return ScopedStream(trail_of(request.scope), chunks, pause)

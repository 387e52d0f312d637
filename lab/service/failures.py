"""What goes wrong: exceptions, their handlers, and cancelled tasks."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, FastAPI, Request
from starlette.responses import JSONResponse

from lab.service.isolation import Trail, trail_of
from lab.service.resources import Audit, Session
from lab.service.wiring import graph

if TYPE_CHECKING:
    from starlette.responses import Response

router = APIRouter()


class WrongPasswordError(Exception):
    """Somebody is not who they say."""


def handle(app: FastAPI) -> None:
    """Give *app* the exception handlers."""
    app.add_exception_handler(WrongPasswordError, refuse)
    app.add_exception_handler(Exception, apologize)


async def refuse(request: Request, error: Exception) -> Response:
    """Answer an expected exception, inside the middleware's scope."""
    trail = trail_of(request.scope)
    trail.check()
    async with graph.ascope("refusal") as scope:
        with trail.opened(scope):
            audit = trail.own(await scope.resolve(Audit))
            audit.write(f"wrong password for {error}")
    return _answer(request, 401, "wrong username or password", trail)


async def apologize(request: Request, error: Exception) -> Response:
    """Answer any other exception, outside the middleware's scope.

    Starlette calls this handler from its outermost layer. The connection's
    scope has been left by then, and the chain is the default scope alone.
    """
    if not isinstance(error, BrokenServiceError):
        # Not from this service: what is wrong may be the scopes themselves.
        return JSONResponse({"detail": type(error).__name__}, 500)
    return _answer(request, 500, "broken on request", trail_of(request.scope))


def _answer(request: Request, status: int, detail: str, trail: Trail) -> Response:
    return JSONResponse(
        {
            "request": request.state.caller.request,
            "detail": detail,
            "scopes": trail.check(),
        },
        status,
    )


class BrokenServiceError(Exception):
    """Raised because the client asked for it."""


@router.get("/broken")
async def broken(request: Request) -> None:
    """Raise with a scope and its resources open."""
    trail = trail_of(request.scope)
    async with graph.ascope("request") as scope:
        with trail.opened(scope):
            trail.own(await scope.resolve(Session))
            trail.own(await scope.resolve(Audit))
            raise BrokenServiceError


@router.get("/cancelled")
async def cancelled(request: Request) -> dict[str, Any]:
    """Cancel a task that has a scope and its resources open."""
    trail = trail_of(request.scope)
    branch = trail.branch(inherits=True)
    has_opened = asyncio.Event()

    async def wait_for_ever() -> None:
        try:
            async with graph.ascope("task") as scope:
                with branch.opened(scope):
                    branch.own(await scope.resolve(Session))
                    branch.own(await scope.resolve(Audit))
                    has_opened.set()
                    await asyncio.Event().wait()
        finally:
            branch.check()

    task = asyncio.ensure_future(wait_for_ever())
    await has_opened.wait()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    return {"request": request.state.caller.request, "scopes": trail.check()}

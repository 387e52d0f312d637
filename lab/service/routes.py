"""Ordinary routes: tokens, a worker thread, background tasks, a websocket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, BackgroundTasks, Depends, Request, WebSocket
from pydantic import BaseModel

from lab.service.failures import WrongPasswordError
from lab.service.isolation import Trail, trail_of
from lab.service.middleware import Caller
from lab.service.resources import Audit, Session
from lab.service.wiring import graph

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

router = APIRouter()


class Credentials(BaseModel):
    """What a client sends to get a token."""

    username: str
    password: str


@router.post("/api/v1/token")
async def create(credentials: Credentials, request: Request) -> dict[str, Any]:
    """Return a token for a user who knows the password."""
    trail = trail_of(request.scope)
    async with graph.ascope("request") as scope:
        with trail.opened(scope):
            session = trail.own(await scope.resolve(Session))
            if not session.accepts(credentials.username, credentials.password):
                raise WrongPasswordError(credentials.username)
            # Resolving it again is asking for the same one; so is asking for
            # the scope by name.
            audit = trail.own(await scope.resolve(Audit))
            audit.write(f"token for {credentials.username}")
            caller = await graph.use_scope("connection").resolve(Caller)
            return {
                "access_token": request.state.keys.token(credentials.username),
                "token_type": "bearer",
                "request": caller.request,
            }


@router.get("/whoami")
async def whoami(request: Request) -> dict[str, Any]:
    """Tell who is calling, from either scope: an async route."""
    trail = trail_of(request.scope)
    caller = await graph.use_scope("connection").resolve(Caller)
    if caller is not request.state.caller:
        raise AssertionError("the two scopes are of different connections")
    return {"request": caller.request, "scopes": trail.check()}


@router.get("/sync")
def in_worker_thread(request: Request) -> dict[str, Any]:
    """Open a scope in a worker thread, in a copy of the request's context."""
    trail = trail_of(request.scope).branch(inherits=True)
    with graph.scope("request") as scope, trail.opened(scope):
        trail.own(scope.resolve(Audit)).write("from a worker thread")
        scopes = trail.check()
    trail.check()
    return {"request": request.state.caller.request, "scopes": scopes}


async def work(request: Request) -> AsyncIterator[Session]:
    """Hold a scope around the route: a ``yield`` dependency.

    An async one. The two halves of a sync one run in different copies of the
    context, and no context variable at all can be reset across them.
    """
    trail = trail_of(request.scope)
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
    scopes = trail_of(request.scope).check()
    if await graph.use_scope("work", as_async=True).resolve(Session) is not session:
        raise AssertionError("the scope holds another session")
    return {"request": request.state.caller.request, "scopes": scopes}


@router.get("/background")
async def with_background(request: Request, tasks: BackgroundTasks) -> dict[str, Any]:
    """Leave work for after the response."""
    trail = trail_of(request.scope)
    tasks.add_task(_afterwards, trail)
    tasks.add_task(_afterwards_in_thread, trail.branch(inherits=True))
    return {"request": request.state.caller.request, "scopes": trail.check()}


async def _afterwards(trail: Trail) -> None:
    async with graph.ascope("background") as scope:
        with trail.opened(scope):
            trail.own(await scope.resolve(Session))
    trail.check()


def _afterwards_in_thread(trail: Trail) -> None:
    with graph.scope("background") as scope, trail.opened(scope):
        trail.own(scope.resolve(Audit)).write("after the response")
    trail.check()


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

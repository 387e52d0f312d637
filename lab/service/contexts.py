"""Threads, pools and tasks inside a request, and the contexts they run in."""

from __future__ import annotations

import asyncio
import sys
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context
from typing import TYPE_CHECKING, Annotated, Any

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request
from ididi import use

from lab.service.isolation import Trail, trail_of
from lab.service.resources import Audit, Session
from lab.service.wiring import graph, open_audit, open_session

if TYPE_CHECKING:
    from collections.abc import Callable

router = APIRouter()

_executor = ThreadPoolExecutor(max_workers=4, thread_name_prefix="example")

# Free-threaded Pythons start a thread in a copy of the context of whoever
# starts it. A pool's thread keeps the copy of the request that was there first,
# so nothing can be said of its context that holds for all requests.
THREADS_INHERIT = bool(getattr(sys.flags, "thread_inherit_context", False))


@router.get("/contexts")
async def everywhere(request: Request) -> dict[str, Any]:
    """Open scopes in every kind of context there is inside a request."""
    trail = trail_of(request.scope)
    loop = asyncio.get_running_loop()
    copy, empty = trail.branch(inherits=True), trail.branch(inherits=False)
    found = {
        # In a copy of the request's context.
        "asyncio.to_thread": await asyncio.to_thread(visit, copy),
        "anyio.to_thread.run_sync": await anyio.to_thread.run_sync(visit, copy),
        "asyncio.create_task": await asyncio.create_task(avisit(copy)),
        "anyio task group": await _in_task_group(trail),
    }
    # In an empty context.
    thread = trail.branch(THREADS_INHERIT)
    found["threading.Thread"] = await _in_thread(visit, thread)
    found["event loop in a thread"] = await _in_thread(_run, thread)
    if not THREADS_INHERIT:
        found["run_in_executor"] = await loop.run_in_executor(_executor, visit, empty)
    if sys.version_info >= (3, 11):
        found["create_task(context=Context())"] = await loop.create_task(
            avisit(empty), context=Context()
        )
    trail.check()
    return {"request": request.state.caller.request, "scopes": found}


def visit(trail: Trail) -> list[str]:
    """Open scopes and close them, in whichever context this runs."""
    trail.check()
    with graph.scope("visit") as scope, trail.opened(scope):
        trail.own(scope.resolve(Audit)).write("visited")
        scopes = trail.check()
    trail.check()
    _entered_by_ididi()
    return scopes


async def avisit(trail: Trail) -> list[str]:
    """Do the same as :func:`visit` in an event loop."""
    trail.check()
    async with graph.ascope("visit") as scope:
        with trail.opened(scope):
            trail.own(await scope.resolve(Session))
            trail.own(await scope.resolve(Audit)).write("visited")
            scopes = trail.check()
    trail.check()
    await _aentered_by_ididi()
    return scopes


@graph.entry
def _entered_by_ididi(audit: Annotated[Audit, use(open_audit)]) -> None:
    audit.write("in a scope that ididi has opened")


@graph.entry
async def _aentered_by_ididi(session: Annotated[Session, use(open_session)]) -> None:
    session.accepts("nobody", "nothing")


def _run(trail: Trail) -> list[str]:
    return asyncio.run(avisit(trail))


async def _in_task_group(trail: Trail) -> list[str]:
    found: list[list[str]] = []

    async def one() -> None:
        found.append(await avisit(trail.branch(inherits=True)))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(one)
    return found[0]


async def _in_thread(function: Callable[[Trail], list[str]], trail: Trail) -> list[str]:
    future: Future[list[str]] = Future()

    def run() -> None:
        try:
            future.set_result(function(trail))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run).start()
    return await asyncio.wrap_future(future)

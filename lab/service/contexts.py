"""Threads, pools and tasks inside a request, and the contexts they run in."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request

from lab.service.isolation import Trail, trail_of
from lab.service.resources import Audit, Session, graph

if TYPE_CHECKING:
    from collections.abc import Callable

router = APIRouter()

_executor = ThreadPoolExecutor(max_workers=4, thread_name_prefix="example")


@router.get("/contexts")
async def everywhere(request: Request) -> dict[str, Any]:
    """Open scopes in every kind of context there is inside a request."""
    trail = trail_of(request)
    loop = asyncio.get_running_loop()
    copy, empty = trail.branch(inherits=True), trail.branch(inherits=False)
    await asyncio.to_thread(visit, copy)
    await asyncio.create_task(avisit(copy))
    await _in_thread(visit, empty)
    await _in_thread(_run, empty)
    await loop.run_in_executor(_executor, visit, empty)
    await Context().run(loop.create_task, avisit(empty))
    return await trail.answer()


def visit(trail: Trail) -> None:
    """Open a scope and close it, in whichever context this runs."""
    trail.check()
    with graph.scope("visit") as scope, trail.opened(scope):
        trail.own(scope.resolve(Audit))
    trail.check()


async def avisit(trail: Trail) -> None:
    """Do the same as :func:`visit` in an event loop."""
    trail.check()
    async with graph.ascope("visit") as scope:
        with trail.opened(scope):
            trail.own(await scope.resolve(Session))
            trail.own(await scope.resolve(Audit))
    trail.check()


def _run(trail: Trail) -> None:
    asyncio.run(avisit(trail))


async def _in_thread(function: Callable[[Trail], None], trail: Trail) -> None:
    future: Future[None] = Future()

    def run() -> None:
        try:
            function(trail)
            future.set_result(None)
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run).start()
    await asyncio.wrap_future(future)


@router.get("/cancelled")
async def cancelled(request: Request) -> dict[str, Any]:
    """Cancel a task that has a scope and its resources open."""
    trail = trail_of(request)
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
    return await trail.answer()

"""The contexts without a scope that programs meet, each as a way to call."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context
from threading import Thread
from typing import Any, Callable, TypeVar

T = TypeVar("T")
SyncWay = Callable[[Callable[[], Any]], Any]
AsyncWay = Callable[[Callable[[], Coroutine[Any, Any, Any]]], Any]


def one_thread() -> ThreadPoolExecutor:
    """Return a pool of one thread, which has started in an empty context."""
    pool = ThreadPoolExecutor(max_workers=1)
    # Python 3.14 lets a thread start in a copy of the context it comes from.
    Context().run(pool.submit, int).result()
    return pool


def in_empty_context(function: Callable[[], T]) -> T:
    """Call it as a server does that starts each request in an empty context."""
    return Context().run(function)


def in_new_thread(function: Callable[[], T]) -> T:
    """Call it as any program does with ``threading.Thread``."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(function())
        except BaseException as error:
            future.set_exception(error)

    thread = Thread(target=run)
    Context().run(thread.start)  # in an empty context, see above
    thread.join()
    return future.result()


def in_thread_with_event_loop(function: Callable[[], T]) -> T:
    """Call it as a worker thread does that runs an event loop of its own."""

    async def main() -> T:
        return function()

    return in_new_thread(lambda: asyncio.run(main()))


def in_executor_of_loop(function: Callable[[], T]) -> T:
    """Call it as ``loop.run_in_executor`` does, which copies no context."""

    async def main() -> T:
        return await asyncio.get_running_loop().run_in_executor(None, function)

    return Context().run(asyncio.run, main())


def in_task_with_empty_context(function: Callable[[], T]) -> T:
    """Call it as ``create_task(..., context=Context())`` does."""

    async def called() -> T:
        return function()

    return run_in_task_with_empty_context(called)


def run_in_task_with_empty_context(
    function: Callable[[], Coroutine[Any, Any, T]],
) -> T:
    """Run the coroutine that *function* makes in a task with an empty context."""

    async def main() -> T:
        loop = asyncio.get_running_loop()
        # A task copies the context it is made in: the way to give it an empty one on
        # Python 3.9 and 3.10, too.
        return await Context().run(loop.create_task, function())

    return asyncio.run(main())


def run_in_empty_context(function: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run the coroutine that *function* makes where nothing has a scope."""
    return Context().run(lambda: asyncio.run(function()))


def run_in_thread(function: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in a new thread's event loop, where the bug was reported."""
    return in_new_thread(lambda: asyncio.run(function()))


SYNC = (
    in_thread_with_event_loop,
    in_empty_context,
    in_executor_of_loop,
    in_task_with_empty_context,
)
"""Ways to call a function in a context without a scope."""

ASYNC = (run_in_thread, run_in_empty_context, run_in_task_with_empty_context)
"""Ways to run a coroutine function in a context without a scope."""

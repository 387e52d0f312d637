"""The contexts of the model: each one lasts, and calls can be made in it."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from typing import Any, Callable

Call = Callable[[], Any]

DEADLINE = 60
"""Seconds after which a call that does not come back is a failure."""


class RealContext(ABC):
    """A context in which one call after the other is made.

    Attributes:
        has_loop: whether an event loop is running in it.
    """

    has_loop = False

    @abstractmethod
    def call(self, function: Call) -> Any:
        """Call *function* in the context; await what it returns, if need be."""

    def copy(self) -> Context:
        """Return a copy of the context."""
        copied: Context = self.call(copy_context)
        return copied

    def close(self) -> None:
        """End what runs in the context."""
        return


class Plain(RealContext):
    """A ``contextvars.Context``: what a server makes for a request."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def call(self, function: Call) -> Any:
        return self._context.run(function)


class PoolThread(RealContext):
    """The thread of a pool, which is used again and again."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1)

    def call(self, function: Call) -> Any:
        # Python 3.14 lets a thread start in a copy of the context it comes from.
        future = Context().run(self._pool.submit, function)
        return future.result(DEADLINE)

    def close(self) -> None:
        self._pool.shutdown()


class Task(RealContext):
    """A task of an event loop."""

    has_loop = True

    def __init__(self, loop: asyncio.AbstractEventLoop, context: Context) -> None:
        self._loop = loop
        # In the loop, which a queue takes for its own on Python 3.9.
        self._calls = loop.run_until_complete(self._queue())
        # A task copies the context that it is made in.
        self._task = context.run(loop.create_task, self._serve())

    def call(self, function: Call) -> Any:
        done = self._loop.create_future()
        self._calls.put_nowait((function, done))
        return self._loop.run_until_complete(asyncio.wait_for(done, DEADLINE))

    def close(self) -> None:
        self._task.cancel()
        self._loop.run_until_complete(asyncio.wait([self._task]))

    @staticmethod
    async def _queue() -> asyncio.Queue[tuple[Call, asyncio.Future[Any]]]:
        return asyncio.Queue()

    async def _serve(self) -> None:
        while True:
            function, done = await self._calls.get()
            try:
                result = function()
                if asyncio.iscoroutine(result):
                    result = await result
            except Exception as error:
                done.set_exception(error)
            else:
                done.set_result(result)
            # Nothing of this call stays behind until the next one.
            del function, done
            result = None

"""The middleware of the recipe lets everything pass but the context."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest

from tests.docs.markdown import RECIPES, Document

recipe: dict[str, Any] = {}
for block in Document(RECIPES).blocks:
    if block.name == "empty_context.py":
        exec(block.text, recipe)  # noqa: S102
EmptyContext = recipe["EmptyContext"]

value: ContextVar[str] = ContextVar("value")


class BrokenError(Exception):
    """Raised by an application."""


@pytest.mark.parametrize("kind", ["http", "websocket"])
def test_a_connection_starts_in_an_empty_context(kind: str) -> None:
    """It leaves nothing in the context of the server."""
    found = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(value.get("nothing"))
        value.set("of the request")

    async def serve() -> None:
        value.set("of the server")
        await EmptyContext(app)({"type": kind}, None, None)
        assert value.get() == "of the server"

    asyncio.run(serve())
    assert found == ["nothing"]


def test_an_exception_passes_through() -> None:
    """The very object, to the server or to other middleware."""
    error = BrokenError()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise error

    with pytest.raises(BrokenError) as raised:
        asyncio.run(EmptyContext(app)({"type": "http"}, None, None))
    assert raised.value is error


def test_a_cancelled_request_is_cancelled_inside_and_waited_for() -> None:
    """It has cleaned up when the server's task ends, and that one is cancelled."""
    events = []

    async def serve() -> None:
        started = asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            try:
                started.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                events.append("cancelled")
                await asyncio.sleep(0)
                events.append("cleaned up")
                raise

        task = asyncio.ensure_future(EmptyContext(app)({"type": "http"}, None, None))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        events.append("ended")

    asyncio.run(serve())
    assert events == ["cancelled", "cleaned up", "ended"]

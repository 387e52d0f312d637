"""The middleware of the recipe lets everything pass but the context."""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import Any

import pytest

from tests.docs.markdown import RECIPES, Document

recipe: dict[str, Any] = {}
exec(Document(RECIPES).block("empty_context.py").text, recipe)  # noqa: S102
EmptyContext = recipe["EmptyContext"]

value: ContextVar[str] = ContextVar("value")


def test_a_request_starts_in_an_empty_context() -> None:
    """It leaves nothing in the context of the server, and its exception passes."""
    error = KeyError()
    found = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        found.append(value.get("nothing"))
        value.set("of the request")
        raise error

    async def serve() -> None:
        value.set("of the server")
        with pytest.raises(KeyError) as raised:
            await EmptyContext(app)({"type": "http"}, None, None)
        assert raised.value is error
        assert value.get() == "of the server"

    asyncio.run(serve())
    assert found == ["nothing"]


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
    assert events == ["cleaned up", "ended"]

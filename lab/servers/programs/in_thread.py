"""An ASGI application in a thread, where its caller is not asynchronous."""

from __future__ import annotations

import asyncio
import json
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from asgiref.sync import async_to_sync
from mangum import Mangum

from lab.servers.hosts import wiring
from lab.servers.hosts.asgi import app

handler = Mangum(app)


def event(name: str) -> dict[str, Any]:
    """Return what a function behind an HTTP gateway is called with."""
    return {
        "version": "2.0",
        "rawPath": "/visit",
        "rawQueryString": "",
        "headers": {"x-request-id": name},
        "requestContext": {
            "http": {"method": "GET", "path": "/visit", "sourceIp": "127.0.0.1"}
        },
        "isBase64Encoded": False,
    }


def by_mangum(name: str) -> Any:
    """Have Mangum call the application."""
    answer = handler(event(name), {})
    assert answer["statusCode"] == 200
    return json.loads(answer["body"])


def by_async_to_sync(name: str) -> Any:
    """Call what a request does, as synchronous code of Django's can."""
    return json.loads(async_to_sync(wiring.avisit)(name))


def set_event_loop() -> None:
    """Give the thread an event loop."""
    asyncio.set_event_loop(asyncio.new_event_loop())


def main(kind: str) -> None:
    """Send requests from the threads of a pool."""
    call = {"mangum": by_mangum, "async_to_sync": by_async_to_sync}[kind]
    names = [f"request-{number}" for number in range(50)]
    # Mangum works with the event loop of its thread, and makes none.
    with ThreadPoolExecutor(4, initializer=set_event_loop) as pool:
        answers = list(pool.map(call, names))
    assert [answer["request"] for answer in answers] == names
    for answer in answers:
        assert answer["scopes"] == ["request", "connection", "default"]


if __name__ == "__main__":
    main(sys.argv[1])

"""The example service in-process, under httpx's ``ASGITransport``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx

from lab.servers.traffic import ROUTES
from lab.service.app import app
from lab.service.failures import BrokenServiceError
from lab.service.ledger import ledger
from lab.service.lifespan import lifespan

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Receive, Scope, Send


def with_state(app: ASGIApp, state: Mapping[str, Any]) -> ASGIApp:
    """Give *app* the lifespan's state, as a server does and httpx doesn't."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "state": dict(state)}, receive, send)

    return call


async def send(client: httpx.AsyncClient, number: int) -> None:
    """Send one request, which is called something that nothing else is."""
    method, path, content, status = ROUTES[number % len(ROUTES)]
    headers = {"x-request-id": f"request-{number}"}
    try:
        answer = await client.request(method, path, json=content, headers=headers)
    except BrokenServiceError:
        # The transport raises what the service's own handlers let pass.
        assert status == 500
        return
    assert answer.status_code == status, (path, answer.text)
    assert answer.json()["request"] == headers["x-request-id"]


async def requests(state: Mapping[str, Any]) -> None:
    """Send many requests at once."""
    transport = httpx.ASGITransport(
        app=with_state(app, state)  # type: ignore[arg-type]
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await asyncio.gather(*(send(client, number) for number in range(200)))


async def main() -> None:
    """Start the application, send it requests, and end it."""
    started: asyncio.Future[Mapping[str, Any]] = asyncio.Future()
    ending = asyncio.Event()

    async def run() -> None:
        async with lifespan(app) as state:
            started.set_result(state)
            await ending.wait()

    # In a task of its own, as every server does: a scope that the lifespan
    # opens belongs to its context, and would be the requests' as well.
    task = asyncio.create_task(run())
    await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        # It has failed, and this raises what it failed with.
        task.result()
    await requests(started.result())
    assert ledger.report()["open"] == {"KeyStore": 1}
    ending.set()
    await task
    assert ledger.report()["open"] == {}
    assert ledger.report()["violations"] == 0


if __name__ == "__main__":
    asyncio.run(main())

"""Requests that make a server start one in the context of another.

They share a connection: several are sent before the first is answered, or one
follows another whose body was larger than the server buffers.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from tests.serving import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PATH = "/visit"
PIPELINED = 6
LARGE = b"x" * 2_000_000
CONCURRENCY = 64
TIMEOUT = 120
"""How many seconds one answer may take, with all the others waiting."""

WEIGHTS = {"ordinary": 8, "large body": 1, "pipelined": 3}
SIZES = {"ordinary": 1, "large body": 2, "pipelined": PIPELINED}
"""How often each kind is sent, and how many requests it has."""


def clean(name: str) -> dict[str, Any]:
    """Return what a request sees that finds nothing of any other."""
    return {
        "request": name,
        "depth": 2,
        "session_of": None,
        "session_is_open": None,
        "owner_before": None,
    }


class Result(NamedTuple):
    """What became of a load.

    Attributes:
        sent: how many requests of each kind were sent.
        violations: what was seen by those that found something of another.
    """

    sent: Counter[str]
    violations: list[Any]


async def pipelined(port: int, names: list[str]) -> list[Any]:
    """Send all requests at once on one connection; return what each has seen."""
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.writelines(_request(name) for name in names)
        return [await asyncio.wait_for(_receive(reader), TIMEOUT) for _ in names]
    finally:
        writer.close()


def _request(name: str, body: bytes = b"") -> bytes:
    head = (
        f"POST {PATH} HTTP/1.1\r\nhost: {HOST}\r\nx-request-id: {name}\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _receive(reader: asyncio.StreamReader) -> Any:
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower().split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(headers["content-length"]))
    assert head[0].split()[1] == "200", (head, body)
    return json.loads(body)


async def after_large_body(client: httpx.AsyncClient, names: list[str]) -> list[Any]:
    """Send requests one after the other, each second one with a large body.

    Args:
        client: has one connection, which stays open.
        names: what the requests are called.
    """
    bodies = [LARGE, b""] * len(names)
    return [await post(client, name, body) for name, body in zip(names, bodies)]


def websocket(port: int, *, after_body: bool) -> Any:
    """Open a websocket; return what it has seen.

    Args:
        port: the server's.
        after_body: whether a request with a large body comes before it on the
            connection.

    Raises:
        ConnectionRefusedError: the server opens no websocket.
    """
    from websockets.client import ClientProtocol
    from websockets.frames import Frame
    from websockets.uri import parse_uri

    protocol = ClientProtocol(parse_uri(f"ws://{HOST}:{port}{PATH}"))
    handshake = protocol.connect()
    handshake.headers["x-request-id"] = "socket"
    protocol.send_request(handshake)
    with socket.create_connection((HOST, port), TIMEOUT) as connection:
        if after_body:
            connection.sendall(_request("first", LARGE))
            received = b""
            while b"}" not in received:
                received += _some(connection)
            assert b" 200 " in received, received
        connection.sendall(b"".join(protocol.data_to_send()))
        while True:
            protocol.receive_data(_some(connection))
            if protocol.handshake_exc is not None:
                raise ConnectionRefusedError from protocol.handshake_exc
            for event in protocol.events_received():
                if isinstance(event, Frame):
                    return json.loads(event.data)


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    if not received:
        raise ConnectionRefusedError
    return received


async def post(client: httpx.AsyncClient, name: str, body: bytes = b"") -> Any:
    """Send one request; return what it has seen."""
    answer = await client.post(PATH, content=body, headers={"x-request-id": name})
    assert answer.status_code == 200, answer
    return answer.json()


def connected(port: int) -> httpx.AsyncClient:
    """Return a client with one connection, which stays open."""
    return httpx.AsyncClient(
        base_url=f"http://{HOST}:{port}",
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
        timeout=TIMEOUT,
        # Nothing leaves this machine, whatever the environment says.
        trust_env=False,
        verify=False,
    )


def plan(requests: int) -> Iterator[tuple[str, list[str]]]:
    """Iterate over what to send: a kind, and what its requests are called.

    The same for the same number, whichever client sends which.
    """
    chance = random.Random(requests)
    kinds, weights = list(WEIGHTS), list(WEIGHTS.values())
    sent = 0
    while sent < requests:
        kind = chance.choices(kinds, weights)[0]
        if SIZES[kind] > requests - sent:
            kind = "ordinary"
        yield kind, [f"request-{sent + number}" for number in range(SIZES[kind])]
        sent += SIZES[kind]


async def load(port: int, requests: int) -> Result:
    """Send many requests, of all kinds and many at a time."""
    todo = plan(requests)
    result = Result(Counter(), [])
    clients = [_client(port, todo, result) for _ in range(CONCURRENCY)]
    await asyncio.gather(*clients)
    return result


async def _client(
    port: int, todo: Iterable[tuple[str, list[str]]], result: Result
) -> None:
    async with connected(port) as client:
        for kind, names in todo:
            if kind == "pipelined":
                seen = await pipelined(port, names)
            elif kind == "large body":
                seen = await after_large_body(client, names)
            else:
                seen = [await post(client, names[0])]
            result.sent[kind] += len(names)
            result.violations.extend(
                one for one, name in zip(seen, names) if one != clean(name)
            )

"""What a request finds of the requests before it on its connection."""

from __future__ import annotations

import asyncio
import os
from typing import Any, Callable

import pytest

from lab.servers import attack, rows
from tests.serving import Server

ROWS = rows.here(rows.EXPOSED_SERVERS)
ISOLATED = [row for row in ROWS if rows.is_isolated(row)]
REQUESTS = int(os.environ.get(rows.REQUESTS, "640"))
ATTEMPTS = 50
"""How often an attack is tried that depends on the size of a socket's buffer."""


def of_rows(table: list[rows.Exposed]) -> pytest.MarkDecorator:
    """Run a test on each row of *table*, which may be none here."""
    return pytest.mark.parametrize("row", table, ids=[row.name for row in table])


def leaking(kind: str) -> list[Any]:
    """Return the rows that leak by an attack, with the shim and without."""
    return [
        pytest.param(row, switch, id=f"{row.name}, shim {switch}")
        for row in ROWS
        if kind in row.leaks
        # Where it answers at all.
        for switch in ("1", "0")[: 2 if row.without == 200 else 1]
    ]


def started(row: rows.Exposed, switch: str) -> Server:
    """Return the server of *row*, to be started with the shim or without."""
    return Server(row.command, IDIDI_SCOPEFIX=switch)


@pytest.mark.parametrize(("row", "switch"), leaking(rows.PIPELINED))
def test_pipelined_requests_find_each_others_closed_scopes(
    row: rows.Exposed, switch: str
) -> None:
    """Each is given the session of the one before, which is closed."""
    names = [f"request-{number}" for number in range(attack.PIPELINED)]
    with started(row, switch) as server:
        seen = asyncio.run(attack.pipelined(server.port, names))
    assert [one["request"] for one in seen] == names
    assert [one["depth"] for one in seen] == [2, 3, 4, 5, 6, 7]
    assert [one["session_of"] for one in seen] == [None, *names[:-1]]
    assert [one["session_is_open"] for one in seen] == [None, *[False] * 5]
    # Their own sessions, in the scopes that they have opened, are their own.
    assert [one["owner_before"] for one in seen] == [None] * 6


@pytest.mark.parametrize(("row", "switch"), leaking(rows.LARGE_BODY))
def test_a_request_after_a_large_body_finds_its_closed_scope(
    row: rows.Exposed, switch: str
) -> None:
    """It is given the session of the request before, which is closed."""

    async def found(port: int) -> Any:
        async with attack.connected(port) as client:
            return await attack.after_large_body(client, ["large", "next"])

    with started(row, switch) as server:
        large, following = until(
            lambda: asyncio.run(found(server.port)), lambda seen: seen[1]["session_of"]
        )
    assert large == attack.clean("large")
    assert following == {
        **attack.clean("next"),
        "depth": 3,
        "session_of": "large",
        "session_is_open": False,
    }


@pytest.mark.parametrize(("row", "switch"), leaking(rows.WEBSOCKET))
def test_a_websocket_after_a_large_body_finds_its_closed_scope(
    row: rows.Exposed, switch: str
) -> None:
    """Where the server makes its task in the context of that request."""
    with started(row, switch) as server:
        seen = until(
            lambda: attack.websocket(server.port, after_body=True),
            lambda seen: seen["session_of"],
        )
    assert seen == {
        **attack.clean("socket"),
        "depth": 3,
        "session_of": "first",
        "session_is_open": False,
    }


@of_rows([row for row in ROWS if rows.has_websocket(row)])
def test_a_websocket_finds_nothing_where_the_table_says_so(row: rows.Exposed) -> None:
    """On a connection of its own, and as often as it may need after a large body."""
    with started(row, "1") as server:
        alone = attack.websocket(server.port, after_body=False)
        assert alone == attack.clean("socket")
        if rows.WEBSOCKET not in row.leaks:
            for _ in range(ATTEMPTS):
                seen = attack.websocket(server.port, after_body=True)
                assert seen == attack.clean("socket")


@of_rows([row for row in ROWS if rows.has_websocket(row)])
def test_without_the_shim_a_websocket_needs_a_scope(
    row: rows.Exposed,
) -> None:
    """Every server gives it one; only the middleware of the recipe empties it."""
    with started(row, "0") as server:
        if "EmptyContext" in row.name:
            with pytest.raises(ConnectionRefusedError):
                attack.websocket(server.port, after_body=False)
            assert "idid_scope_ctx" in server.log()
        else:
            seen = attack.websocket(server.port, after_body=False)
            assert seen == attack.clean("socket")


@of_rows(ISOLATED)
def test_every_request_starts_clean_under_load(row: rows.Exposed) -> None:
    """Large bodies and pipelined requests, many at a time: none finds another."""
    with started(row, "1") as server:
        result = asyncio.run(attack.load(server.port, REQUESTS))
    assert sum(result.sent.values()) == REQUESTS
    assert set(result.sent) == set(attack.WEIGHTS)
    assert result.violations == []


@of_rows([row for row in ROWS if not rows.is_isolated(row)])
def test_the_same_load_finds_what_there_is_to_be_found(row: rows.Exposed) -> None:
    """The control: a server that leaks has violations."""
    with started(row, "1") as server:
        result = asyncio.run(attack.load(server.port, 640))
    assert result.violations


@of_rows([row for row in ROWS if row.without == 500])
def test_without_the_shim_an_empty_context_is_an_error(row: rows.Exposed) -> None:
    """The shim is what makes it possible to give each request one."""
    with started(row, "0") as server:
        answer = server.request("POST", attack.PATH, {"x-request-id": "one"})
        assert answer.status == 500


def until(attempt: Callable[[], Any], is_seen: Callable[[Any], Any]) -> Any:
    """Return what the first attempt that succeeds has seen, or the last one."""
    for _ in range(ATTEMPTS):
        seen = attempt()
        if is_seen(seen):
            break
    return seen

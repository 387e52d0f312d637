"""Every server of the table, with the shim and without."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from lab.servers import rows, traffic
from tests.serving import HOST, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

SYMPTOM = "LookupError: <ContextVar name='idid_scope_ctx'"

SERVERS = rows.here(rows.SERVERS)
FASTAPI = [row for row in SERVERS if rows.FASTAPI in row.command]
LIHIL = [row for row in SERVERS if rows.LIHIL in row.command]


class Running(NamedTuple):
    """A row of the table, running."""

    row: rows.Server
    server: Server

    @property
    def lasting(self) -> dict[str, int]:
        """What is open for as long as the service runs: the lifespan's."""
        return {"KeyStore": 1} if rows.FASTAPI in self.row.command else {}

    @property
    def routes(self) -> tuple[Any, ...]:
        """The routes that the row's service has."""
        is_fastapi = rows.FASTAPI in self.row.command
        return traffic.ROUTES if is_fastapi else traffic.LIHIL_ROUTES


def of_rows(table: list[rows.Server]) -> pytest.MarkDecorator:
    """Run a test on each row of *table*, which may be none here."""
    return pytest.mark.parametrize(
        "running", table, ids=[row.name for row in table], indirect=True
    )


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    """Run a server with the shim for all tests of its row."""
    row: rows.Server = request.param
    with Server(row.command, IDIDI_SCOPEFIX="1") as server:
        yield Running(row, server)


@of_rows(SERVERS)
def test_a_client_gets_a_token(running: Running) -> None:
    """The request from the bug reports is answered by every worker."""
    traffic.ledgers(running.server, running.row.workers)
    for _ in range(10 * running.row.workers):
        answer = traffic.token(running.server)
        assert answer.status == 200, (answer, running.server.log()[-3000:])
        assert answer.json()["access_token"]


@of_rows(LIHIL)
def test_lihils_own_scopes_are_in_the_default_scope(running: Running) -> None:
    """The scope that lihil opens for a request has a parent, and so in a thread."""
    assert traffic.token(running.server).json()["scopes"] == ["", "default"]
    found = running.server.request("GET", "/contexts").json()["scopes"]
    assert found == {"threading.Thread": ["visit", "default"]}


@of_rows(FASTAPI)
def test_every_kind_of_context_inside_a_request_finds_its_scope(
    running: Running,
) -> None:
    """A copy has the request's scopes, an empty context the default one."""
    answer = running.server.request("GET", "/contexts")
    assert answer.status == 200, (answer, running.server.log()[-3000:])
    found = answer.json()["scopes"]
    assert found["asyncio.to_thread"] == ["visit", "connection", "default"]
    assert found["anyio task group"] == ["visit", "connection", "default"]
    assert found["threading.Thread"][0] == "visit"
    assert found["threading.Thread"][-1] == "default"


@of_rows(SERVERS)
def test_requests_at_the_same_time_see_only_their_own_scopes(running: Running) -> None:
    """Every answer has the name of its own request, found through ididi."""
    traffic.send_all(running.server, running.routes, times=20)
    reports = traffic.finished(running.server, running.row.workers, running.lasting)
    connections = sum(report["connections"] for report in reports.values())
    assert connections >= 20 * len(running.routes)


@of_rows(FASTAPI)
def test_a_websocket_has_one_scope_a_connection(running: Running) -> None:
    """All messages of a connection meet the same scope, and no other's."""
    from websockets.sync.client import connect

    with ExitStack() as stack:
        sockets = [
            stack.enter_context(
                connect(
                    f"ws://{HOST}:{running.server.port}/ws",
                    additional_headers={"x-request-id": f"socket-{number}"},
                    open_timeout=traffic.PATIENCE,
                    # None but the one under test: nothing leaves this machine.
                    proxy=None,
                )
            )
            for number in range(4)
        ]
        for message in ("one", "two", "three"):
            for number, socket in enumerate(sockets):
                socket.send(message)
                assert json.loads(socket.recv(traffic.PATIENCE)) == {
                    "request": f"socket-{number}",
                    "echo": message,
                    "scopes": ["connection", "default"],
                }
    traffic.finished(running.server, running.row.workers, running.lasting)


@of_rows(FASTAPI)
def test_a_stream_closes_its_scope_when_the_client_hangs_up(running: Running) -> None:
    """Nobody reads on, and what the stream held open is closed all the same."""
    for _ in range(5):
        traffic.hang_up(running.server, "/stream?chunks=0&pause=0.01")
    traffic.finished(running.server, running.row.workers, running.lasting)


@of_rows(FASTAPI)
def test_a_stream_holds_its_scope_to_the_end(running: Running) -> None:
    """Every number of a stream is made inside the stream's scope."""
    answer = running.server.request("GET", "/stream?chunks=100")
    assert answer.status == 200
    assert answer.body.split() == [str(number).encode() for number in range(100)]
    traffic.finished(running.server, running.row.workers, running.lasting)


@pytest.mark.parametrize("row", SERVERS, ids=[row.name for row in SERVERS])
def test_without_the_shim_the_same_server_fails_as_in_the_table(
    row: rows.Server,
) -> None:
    """The control: what the server itself breaks, and threads under all."""
    with Server(row.command, IDIDI_SCOPEFIX="0") as server:
        assert traffic.token(server).status == row.without, server.log()[-3000:]
        # What ididi answers in threads is no server's fault.
        assert server.request("GET", "/contexts").status == 500
        server.stop()
        assert SYMPTOM in server.log() or not row.logs

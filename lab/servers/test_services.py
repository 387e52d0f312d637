"""The service under every server of the table, with the shim and without."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

import pytest

from lab.servers import rows, traffic
from tests.serving import HOST, Server

if TYPE_CHECKING:
    from collections.abc import Iterator

SYMPTOM = "LookupError: <ContextVar name='idid_scope_ctx'"

SERVERS = rows.here(rows.SERVERS)
NAMES = [f"{row.name}, workers: {row.workers}" for row in SERVERS]
of_servers = pytest.mark.parametrize("running", SERVERS, ids=NAMES, indirect=True)


class Running(NamedTuple):
    """A row of the table, running."""

    row: rows.Server
    server: Server


@pytest.fixture(scope="module")
def running(request: pytest.FixtureRequest) -> Iterator[Running]:
    """Run a server with the shim for all tests of its row."""
    row: rows.Server = request.param
    with Server(row.command, IDIDI_SCOPEFIX="verbose") as server:
        yield Running(row, server)


@of_servers
def test_requests_at_the_same_time_see_only_their_own_scopes(running: Running) -> None:
    """Every answer has the name of its own request, found through ididi."""
    traffic.send_all(running.server, times=20)
    reports = traffic.finished(running.server, running.row.workers)
    connections = sum(report["connections"] for report in reports.values())
    assert connections >= 20 * len(traffic.ROUTES)


@of_servers
def test_every_worker_says_once_that_ididi_is_patched(running: Running) -> None:
    """``IDIDI_SCOPEFIX=verbose`` shows which processes have the shim."""
    for worker in traffic.ledgers(running.server, running.row.workers):
        assert running.server.log().count(f"ididi-scopefix[{worker}]: active: ") == 1


@of_servers
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
    traffic.finished(running.server, running.row.workers)


@of_servers
def test_a_stream_holds_its_scope_until_it_ends(running: Running) -> None:
    """Its end is the last number, or the client that hangs up."""
    answer = running.server.request("GET", "/stream?chunks=100")
    assert answer.status == 200
    assert answer.body.split() == [str(number).encode() for number in range(100)]
    for _ in range(5):
        traffic.hang_up(running.server, "/stream?chunks=0&pause=0.01")
    traffic.finished(running.server, running.row.workers)


@pytest.mark.parametrize("row", SERVERS, ids=NAMES)
def test_without_the_shim_the_same_server_fails_as_in_the_table(
    row: rows.Server,
) -> None:
    """The control: what the server itself breaks, and threads under all."""
    with Server(row.command, IDIDI_SCOPEFIX="0") as server:
        answer = server.request("GET", "/request")
        assert answer.status == row.without, server.log()[-3000:]
        # What ididi answers in threads is no server's fault.
        assert server.request("GET", "/contexts").status == 500
        server.stop()
        assert SYMPTOM in server.log()

"""Hosts that start requests in threads, and graphs that are built late."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.servers import rows
from lab.servers.hosts import VARIABLE
from tests.serving import Answer, Server

SYMPTOM = "LookupError: <ContextVar name='idid_scope_ctx'"
REQUESTS = 60

HOSTS = rows.here(rows.HOSTS)
of_hosts = pytest.mark.parametrize("row", HOSTS, ids=[row.name for row in HOSTS])


def started(row: rows.Host, switch: str) -> Server:
    """Return the server of *row*, to be started with the shim or without."""
    variables = {"IDIDI_SCOPEFIX": switch, VARIABLE: row.built}
    return Server(row.command, ends=row.ends, **variables)


def visit(server: Server, row: rows.Host, name: str) -> Answer:
    """Send one request, called *name*, on a connection of its own."""
    return server.request("GET", row.path, {"x-request-id": name})


@of_hosts
def test_every_request_sees_its_own_scopes_in_the_default_scope(
    row: rows.Host,
) -> None:
    """The first request and all others, many at once."""
    names = [f"request-{number}" for number in range(REQUESTS)]
    with started(row, "1") as server:
        first = visit(server, row, names[0])
        with ThreadPoolExecutor(16) as pool:
            others = pool.map(lambda name: visit(server, row, name), names[1:])
            answers = [first, *others]
        log = server.log()
    for name, answer in zip(names, answers):
        assert answer.status == 200, (answer, log[-3000:])
        assert answer.json()["request"] == name
        assert answer.json()["scopes"] == ["request", "connection", "default"]


@of_hosts
def test_without_the_shim_the_same_host_answers_as_in_the_table(
    row: rows.Host,
) -> None:
    """The control: which requests ididi alone fails in."""
    first, others = row.without
    with started(row, "0") as server:
        statuses = [visit(server, row, str(number)).status for number in range(4)]
        server.stop()
        assert statuses == [first, others, others, others], server.log()[-3000:]
        assert (SYMPTOM in server.log()) == (500 in statuses)

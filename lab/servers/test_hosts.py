"""Hosts that start requests in threads, and graphs that are built late."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.servers import rows
from tests.serving import Answer, Server

SYMPTOM = "LookupError: <ContextVar name='idid_scope_ctx'"
REQUESTS = 60

HOSTS = rows.here(rows.HOSTS)
NAMES = [f"{row.name}, graph built: {row.built}" for row in HOSTS]
of_hosts = pytest.mark.parametrize("row", HOSTS, ids=NAMES)


def started(row: rows.Host, switch: str) -> Server:
    """Return the server of *row*, to be started with the shim or without."""
    return Server(row.command, IDIDI_SCOPEFIX=switch, GRAPH_BUILT=row.built)


def visit(server: Server, name: str) -> Answer:
    """Send one request, called *name*, on a connection of its own."""
    return server.request("GET", "/visit", {"x-request-id": name})


@of_hosts
def test_every_request_sees_its_own_scopes_in_the_default_scope(
    row: rows.Host,
) -> None:
    """The first request and all others, many at once."""
    names = [f"request-{number}" for number in range(REQUESTS)]
    with started(row, "1") as server:
        first = visit(server, names[0])
        with ThreadPoolExecutor(16) as pool:
            others = pool.map(lambda name: visit(server, name), names[1:])
            answers = [first, *others]
        log = server.log()
    for name, answer in zip(names, answers):
        assert answer.status == 200, (answer, log[-3000:])
        scopes = ["request", "connection", "default"]
        assert json.loads(answer.body) == {"request": name, "scopes": scopes}


@of_hosts
def test_without_the_shim_the_same_host_answers_as_in_the_table(
    row: rows.Host,
) -> None:
    """The control: which requests ididi alone fails in."""
    first, others = row.without
    with started(row, "0") as server:
        statuses = [visit(server, str(number)).status for number in range(4)]
        server.stop()
        assert statuses == [first, others, others, others], server.log()[-3000:]
        assert (SYMPTOM in server.log()) == (500 in statuses)

"""What the tests send to a server, and what they find in its ledgers."""

from __future__ import annotations

import itertools
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

from tests.serving import HOST, Server, polled

PATIENCE = 60
"""How many seconds a server may take for what it does in one, as a rule."""

ROUTES = (
    ("/request", 200),
    ("/request?refused=true", 403),
    ("/sync", 200),
    ("/work", 200),
    ("/background", 200),
    ("/cancelled", 200),
    ("/contexts", 200),
)
"""Every route that answers in JSON, and what it answers."""

_requests = itertools.count(1)


def send_all(server: Server, times: int) -> None:
    """Send *times* requests to each of the routes, mixed and many at once.

    Every one is called something, and what comes back must be called the same:
    the service finds that name through ididi's scope.
    """

    def send(route: tuple[str, int]) -> None:
        path, status = route
        name = f"request-{next(_requests)}"
        answer = server.request("GET", path, {"x-request-id": name})
        assert answer.status == status, (path, answer, server.log()[-3000:])
        assert json.loads(answer.body)["request"] == name

    with ThreadPoolExecutor(16) as pool:
        # Exhausted, since an exception is raised only by asking for the result.
        list(pool.map(send, [*ROUTES] * times))


def hang_up(server: Server, path: str) -> None:
    """Read the first line of a stream and be gone."""
    connection = HTTPConnection(HOST, server.port, timeout=PATIENCE)
    with closing(connection):
        connection.request("GET", path)
        line = connection.getresponse().readline()
        assert line == b"0\n", (line, server.log()[-3000:])


def ledgers(server: Server, workers: int) -> dict[int, Any]:
    """Return the ledger of each worker, by its process id.

    Which of them answers is up to the operating system: ask until all have.
    """
    found: dict[int, Any] = {}
    for _ in polled(PATIENCE):
        with ThreadPoolExecutor(8) as pool:
            asked = [pool.submit(server.request, "GET", "/ledger") for _ in range(8)]
        for one in asked:
            answer = one.result()
            assert answer.status == 200, (answer, server.log()[-3000:])
            report = json.loads(answer.body)
            found[report["worker"]] = report
        if len(found) >= workers:
            break
    assert len(found) == workers, (found, server.log()[-3000:])
    return found


def finished(server: Server, workers: int) -> dict[int, Any]:
    """Wait until no worker has anything open; return the ledger of each."""
    found: dict[int, Any] = {}
    for _ in polled(PATIENCE):
        found = ledgers(server, workers)
        if not any(report["open"] for report in found.values()):
            break
    assert [report["open"] for report in found.values()] == [{}] * workers
    assert [report["violations"] for report in found.values()] == [[]] * workers
    return found

"""``IDIDI_SCOPEFIX=verbose`` says in every worker that it is active there."""

from __future__ import annotations

import platform
import re
from importlib.metadata import version
from typing import TYPE_CHECKING

import pytest

from lab.servers import rows, traffic
from lab.servers.test_programs import run
from tests.serving import Server, polled

if TYPE_CHECKING:
    from collections.abc import Iterable

FASTAPI = [row for row in rows.here(rows.SERVERS) if rows.FASTAPI in row.command]
PROGRAMS = [row for row in rows.here(rows.PROGRAMS) if row.workers]


@pytest.mark.parametrize("row", FASTAPI, ids=[row.name for row in FASTAPI])
def test_every_worker_of_a_server_says_so(row: rows.Server) -> None:
    """When ididi is patched, when a request needs it first, and how often."""
    with Server(row.command, IDIDI_SCOPEFIX="verbose") as server:
        workers = visit_all(server, row.workers)
        server.stop()
        log = server.log()
    check(log, workers, f"{re.escape(row.command[0])} .*")
    for worker in workers:
        assert re.search(
            rf"^{prefix(worker)}first need: \w+\.\w+\(\)"
            r" at lab/service/\w+\.py:\d+ in \w+ \(thread .+\)$",
            log,
            re.MULTILINE,
        ), log
        assert re.search(
            rf"^{prefix(worker)}10 calls answered: \d+ \w+\.\w+\(\)"
            r" at lab/service/.+$",
            log,
            re.MULTILINE,
        ), log


@pytest.mark.parametrize("row", PROGRAMS, ids=[row.name for row in PROGRAMS])
def test_every_worker_of_a_program_says_so(row: rows.Program) -> None:
    """A child says it for itself, whether it was forked or spawned."""
    ended = run(row, "verbose")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    workers = set(map(int, re.findall(r"^worker (\d+)$", ended.stdout, re.MULTILINE)))
    assert workers
    check(ended.stderr, workers, ".+")
    for worker in workers:
        assert re.search(
            rf"^{prefix(worker)}first need: Graph\.use_scope\(\)"
            r" at lab/servers/programs/isolated\.py:\d+ in work \(thread .+\)$",
            ended.stderr,
            re.MULTILINE,
        ), ended.stderr


def check(log: str, workers: Iterable[int], program: str) -> None:
    """Look for the line that says, once in each worker, that ididi is patched."""
    for worker in workers:
        lines = re.findall(
            rf"^{prefix(worker)}active: ididi {re.escape(version('ididi'))} is patched"
            rf" \(Python {re.escape(platform.python_version())}, {program}\)$",
            log,
            re.MULTILINE,
        )
        assert len(lines) == 1, log


def prefix(worker: int) -> str:
    """Return how each line of a process begins, as a pattern."""
    return rf"ididi-scopefix\[{worker}\]: "


def visit_all(server: Server, workers: int) -> set[int]:
    """Have each worker open scopes in threads, often enough to be counted."""
    seen: dict[int, int] = {}
    for _ in polled(traffic.PATIENCE):
        answer = server.request("GET", "/contexts")
        assert answer.status == 200, server.log()[-3000:]
        worker = int(answer.headers["x-worker"])
        seen[worker] = seen.get(worker, 0) + 1
        # One such request needs four seeds or more.
        if len(seen) == workers and min(seen.values()) >= 3:
            break
    assert len(seen) == workers
    return set(seen)

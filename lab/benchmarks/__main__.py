"""Measures what the shim costs, and writes the documents' tables: ``make bench``.

Every ratio is of two variants that were measured in turn, round after round, on one
core: what else the machine does meets both. A ratio is the median of those of all
rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import socket
import subprocess
import tempfile
import time
from importlib.metadata import version
from pathlib import Path
from typing import Callable

from lab.benchmarks.measuring import ENVIRON, ROOT, Row, call, compared, environment
from lab.documents.tables import table_of, with_table
from tests.docs.markdown import README, Document
from tests.serving import HOST, Server

IDIDI, GUARDED = "1.8.2", "1.8.4"
UVICORN = "0.38.0"
"""A release that starts requests where plain ididi works."""
REQUESTS = 300
"""How many requests are one sample."""
COSTS = "docs/costs.md"

CALLS = (
    ("use_scope", "`use_scope()`, context has a scope", 1.85),
    ("scope", "`with graph.scope()`, context has a scope", 1.06),
    ("ascope", "`async with graph.ascope()`, context has a scope", 1.06),
)

HEADER = ("call", "goal", "measured", "")
SHORT_HEADER = ("", "without the shim", "with it")
SHORT = {
    "`python -c pass` with the shim": "a start of Python, `python -c pass`",
    "`python -c 'import ididi'`, to plain ididi": "`import ididi`",
    "`with graph.scope()`, context has a scope": "a scope, `with graph.scope()`",
    "an empty context's first `scope()`, to ididi 1.8.4's own guard": (
        "a request's first scope, in an empty context (without the shim: 1.8.4)"
    ),
}
"""Which of the rows the README has, and what it calls them."""


def measure(rounds: int, folder: Path) -> list[Row]:
    """Return the rows of the table."""
    packages = (f"ididi=={IDIDI}", "fastapi", f"uvicorn=={UVICORN}")
    plain = environment(folder / "plain", *packages)
    shimmed = environment(folder / "shimmed", *packages, str(ROOT))
    guarded = environment(folder / "guarded", f"ididi=={GUARDED}")
    rows = [
        Row(what, goal, *compared(rounds, calling(plain, name), calling(shimmed, name)))
        for name, what, goal in CALLS
    ]
    first = compared(rounds, calling(guarded, "fresh"), calling(shimmed, "fresh"))
    what = f"an empty context's first `scope()`, to ididi {GUARDED}'s own guard"
    rows.append(Row(what, 1.30, *first))
    answered = compare_requests(rounds, plain, shimmed)
    what = f"requests per second, uvicorn {UVICORN}, one connection"
    rows.append(Row(what, 0.99, *answered, is_rate=True))
    code = "import ididi"
    found = compared(rounds * 4, starting(plain, code), starting(shimmed, code))
    rows.append(Row("`python -c 'import ididi'`, to plain ididi", None, *found))
    found = compared(rounds * 15, starting(plain, "pass"), starting(shimmed, "pass"))
    rows.append(Row("`python -c pass` with the shim", 1.05, *found))
    (package,) = shimmed.parents[1].glob("lib/*/site-packages/ididi_scopefix")
    for cache in package.rglob("__pycache__"):
        shutil.rmtree(cache)
    unwritten = {"PYTHONDONTWRITEBYTECODE": "1"}
    found = compared(
        rounds * 15,
        starting(plain, "pass", **unwritten),
        starting(shimmed, "pass", **unwritten),
    )
    rows.append(Row("`python -c pass` with the shim, no bytecode", None, *found))
    return rows


def calling(python: Path, name: str) -> Callable[[], float]:
    """Return what measures a call."""
    return lambda: call(python, name)


def starting(python: Path, code: str, **variables: str) -> Callable[[], float]:
    """Return what measures an interpreter that runs *code*."""

    def measure() -> float:
        began = time.perf_counter()
        environ = {**ENVIRON, **variables}
        subprocess.run([str(python), "-c", code], check=True, env=environ)
        return time.perf_counter() - began

    return measure


def compare_requests(
    rounds: int, plain: Path, shimmed: Path
) -> tuple[list[float], ...]:
    """Return how long requests take from the example service, per request."""
    command = ("uvicorn", "examples.service:app", "--host", HOST, "--port", "{port}")
    options = ("--loop", "asyncio", "--http", "h11", "--log-level", "warning")
    command = (*command, *options)
    with (
        Server(command, python=str(plain)) as without,
        Server(command, python=str(shimmed)) as with_shim,
    ):
        return compared(rounds * 2, requesting(without), requesting(with_shim))


def requesting(server: Server) -> Callable[[], float]:
    """Return what measures requests on one connection, one after the other."""
    body = json.dumps({"username": "ada", "password": "analytical"}).encode()
    head = (
        f"POST /api/v1/token HTTP/1.1\r\nhost: {HOST}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    request = head.encode() + body

    def measure() -> float:
        with socket.create_connection((HOST, server.port), 30) as connection:
            began = time.perf_counter()
            for _ in range(REQUESTS):
                connection.sendall(request)
                answer = b""
                while not answer.endswith(b"}"):
                    answer += connection.recv(65536)
                assert answer.startswith(b"HTTP/1.1 200"), answer
            return (time.perf_counter() - began) / REQUESTS

    return measure


def processor() -> str:
    """Return the model of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return names[0] if names else platform.machine()


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m lab.benchmarks")
    parser.add_argument("--rounds", type=int, default=30)
    rounds = parser.parse_args().rounds
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(rounds, Path(folder))
    machine = (
        f"{processor()}, {platform.system()}, CPython {platform.python_version()},"
        f" ididi {IDIDI}, wrapt {version('wrapt')}, {rounds} rounds"
    )
    table = table_of(HEADER, *(row.cells for row in rows), ("on", "", machine, ""))
    durations = {row.what: row.durations for row in rows}
    short = [(name, *durations[what]) for what, name in SHORT.items()]
    for path, wanted in ((COSTS, table), (README, table_of(SHORT_HEADER, *short))):
        text = with_table(Document(path).text, wanted)
        (ROOT / path).write_text(text, encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()

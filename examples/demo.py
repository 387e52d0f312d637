"""The bug and the cure, on a real server: ``make demo``.

Starts the service next to this file twice: with the shim switched off, as if it
were not installed, and as it is.
"""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

HOST = "127.0.0.1"
ROOT = Path(__file__).parents[1]
REQUESTS = 3
CREDENTIALS = {"username": "ada", "password": "analytical"}
PATIENCE = 60
"""How many seconds the server may take to start, and to end."""


class Seen(NamedTuple):
    """What a run of the service has shown.

    Attributes:
        statuses: what each request was answered.
        body: the last answer.
        error: the line of the server's log that tells of the bug, if there is one.
    """

    statuses: list[int]
    body: str
    error: str

    @property
    def succeeded(self) -> int:
        """How many requests were answered with a token."""
        return self.statuses.count(200)


def main() -> int:
    """Run the service without the shim and with it; return the exit status."""
    # Whoever ends the demonstration ends its server, too.
    signal.signal(signal.SIGTERM, interrupt)
    names = ("ididi", "fastapi", "uvicorn", "ididi-scopefix")
    print("examples/service.py, which does not import the shim, as one process:")
    print(", ".join(f"{name} {version(name)}" for name in names), end=", ")
    print(f"Python {sys.version.split()[0]}\n")
    without, with_shim = run("0"), run("1")
    show("Without the shim (IDIDI_SCOPEFIX=0)", without)
    show("With the shim installed", with_shim)
    failed = REQUESTS - without.succeeded
    print(
        f"Without the shim {failed} of {REQUESTS} requests failed; with it installed,"
        " and no line of the\nservice changed,"
        f" {with_shim.succeeded} of {REQUESTS} succeeded."
    )
    if (failed, with_shim.succeeded) != (REQUESTS, REQUESTS):
        print("That is not what was to be shown.", file=sys.stderr)
        return 1
    print(
        "Next: install the shim where your own service runs, restart it with"
        " IDIDI_SCOPEFIX=verbose,\nand look for the line that begins with"
        ' "ididi-scopefix"; README.md has the steps.'
    )
    return 0


def run(switch: str) -> Seen:
    """Start the service, ask it for tokens, and end it."""
    with tempfile.TemporaryFile() as log:
        with server(switch, log) as port:
            answers = [post(port) for _ in range(REQUESTS)]
        log.seek(0)
        lines = log.read().decode(errors="replace").splitlines()
    error = next((line for line in lines if line.startswith("LookupError")), "none")
    return Seen([status for status, _ in answers], answers[-1][1], error)


def show(title: str, seen: Seen) -> None:
    """Print what a run has shown."""
    statuses = ", ".join(map(str, seen.statuses))
    print(title)
    print(f"  POST /api/v1/token      {statuses}")
    print(f"  the last answer         {seen.body}")
    print(f"  error in the server log {seen.error}\n")


@contextmanager
def server(switch: str, log: IO[bytes]) -> Iterator[int]:
    """Have the service run on a free port, and yield that."""
    port = free_port()
    options = ("--host", HOST, "--port", str(port), "--log-level", "warning")
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "examples.service:app", *options],
        cwd=ROOT,
        env={**os.environ, "IDIDI_SCOPEFIX": switch},
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
    )
    try:
        wait_for(process, port)
        yield port
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        finally:
            process.kill()


def wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    """Wait until the server answers.

    Raises:
        SystemExit: it has ended, or does not answer in time.
    """
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError):
            request(port, "GET", "/health")
            return
        time.sleep(0.05)
    raise SystemExit("the server did not start")


def post(port: int) -> tuple[int, str]:
    """Ask for a token; return the status and the body of the answer."""
    return request(port, "POST", "/api/v1/token", json.dumps(CREDENTIALS))


def request(
    port: int, method: str, path: str, body: str | None = None
) -> tuple[int, str]:
    """Send a request on a connection of its own."""
    with closing(http.client.HTTPConnection(HOST, port, timeout=30)) as connection:
        connection.request(method, path, body, {"content-type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def interrupt(number: int, frame: FrameType | None) -> None:
    """End the program as Ctrl-C does, with all that it has started."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)

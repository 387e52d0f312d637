"""A server as a child process: started, waited for, and ended for certain."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HOST = "127.0.0.1"
ROOT = Path(__file__).parent.parent
"""Where the modules of the services are imported from."""


class Answer(NamedTuple):
    """What a server has answered."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the body as what it says in JSON."""
        return json.loads(self.body)


class ServerError(Exception):
    """The server does not run; its log says why."""


class Server:
    """A server on a free port of this machine, as a context manager.

    Args:
        command: the server's arguments after ``python -m``; ``{port}`` in them
            becomes the port.
        ends: whether it ends when it is asked to; or else it is killed.
        python: the interpreter that has it.
        environment: variables on top of this process's.
    """

    patience = 60.0
    """How many seconds it may take to start, and to end."""

    def __init__(
        self,
        command: Sequence[str],
        ends: bool = True,
        python: str = sys.executable,
        **environment: str,
    ) -> None:
        self._command = command
        self._ends = ends
        self._python = python
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Server:  # noqa: PYI034
        descriptor, name = tempfile.mkstemp(suffix=".log")
        os.close(descriptor)
        self._log = Path(name)
        try:
            self._start()
        except BaseException:
            self._end(graceful=False)
            self._log.unlink()
            raise
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        # On Ctrl-C there may be a moment only before this process is ended, too.
        self._end(graceful=error is None or isinstance(error, Exception))
        self._log.unlink()

    def stop(self) -> None:
        """End the server now, so that its log is complete."""
        self._end(graceful=True)

    def request(
        self, method: str, path: str, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send one request on a connection of its own.

        Raises:
            OSError, http.client.HTTPException: there is no answer.
        """
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.read())

    def log(self) -> str:
        """Return what the server has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _start(self) -> None:
        # Between looking for a free port and using it somebody else may take
        # it. It is rare enough for a few tries to be enough.
        for _ in range(3):
            self.port = free_port()
            with self._log.open("wb") as log:
                self._process = self._spawn(log)
            if self._answers(self._process):
                return
            self._end(graceful=False)
            if "in use" not in self.log():
                break
        raise ServerError(f"{' '.join(self._command)} did not start:\n{self.log()}")

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        command = [part.format(port=self.port) for part in self._command]
        return subprocess.Popen(
            [self._python, "-m", *command],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self._environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # A group of its own, so that its workers can be ended with it and
            # Ctrl-C reaches us alone.
            start_new_session=True,
        )

    def _answers(self, process: subprocess.Popen[bytes]) -> bool:
        """Wait until there is an answer to a request, whatever it says."""
        for _ in polled(self.patience):
            if process.poll() is not None:
                return False
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.request("GET", "/")
                # Or else it was another server that has answered.
                return process.poll() is None
        return False

    def _end(self, graceful: bool) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        try:
            if graceful and self._ends:
                process.terminate()
                process.wait(self.patience)
        except subprocess.TimeoutExpired:
            pass  # It is killed with its workers.
        finally:
            # Whatever is left of the server and its workers: nothing, as a rule.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def polled(seconds: float) -> Iterator[None]:
    """Iterate, with a short pause each time, until the deadline has passed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port

"""A server as a child process: started, waited for, and ended for certain."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HOST = "127.0.0.1"
TO_START = 60
TO_END = 10
"""How many seconds a server may take for it; what has not ended is killed."""
ROOT = Path(__file__).parent.parent
"""Where the modules of the services are imported from."""


class Answer(NamedTuple):
    """What a server has answered."""

    status: int
    body: bytes


class Server:
    """A server on a free port of this machine, as a context manager.

    Args:
        command: the server's arguments after ``python -m``; ``{port}`` in them
            becomes the port.
        python: the interpreter that has it.
        environment: variables on top of this process's.
    """

    def __init__(
        self,
        command: Sequence[str],
        python: str = sys.executable,
        **environment: str,
    ) -> None:
        self._command = command
        self._python = python
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Server:  # noqa: PYI034
        self._log = tempfile.NamedTemporaryFile(suffix=".log")
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
        self._log.close()

    def stop(self) -> None:
        """End the server and its workers, so that its log is complete."""
        process, self._process = self._process, None
        if process is None:
            return
        try:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(TO_END)
        finally:
            # Whatever is left of it: nothing, as a rule.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

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
        return Path(self._log.name).read_text(encoding="utf-8", errors="replace")

    def _start(self) -> None:
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port = probe.getsockname()[1]
        self._process = self._spawn(self._log)
        for _ in polled(TO_START):
            if self._process.poll() is not None:
                break
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.request("GET", "/")
                return
        raise RuntimeError(f"{self._command} did not start:\n{self.log()}")

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


def polled(seconds: float) -> Iterator[None]:
    """Iterate, with a short pause each time, until the deadline has passed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)

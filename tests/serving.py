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
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from types import FrameType

HOST = "127.0.0.1"
ROOT = Path(__file__).parent.parent
"""Where the modules of the services are imported from."""


class Answer(NamedTuple):
    """What a server has answered."""

    status: int
    headers: Mapping[str, str]
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
        patience: how many seconds it may take to start, and to end.
        ends: whether it ends when it is asked to; or else it is killed.
        python: the interpreter that has it.
        environment: variables on top of this process's.
    """

    def __init__(
        self,
        command: Sequence[str],
        patience: float = 60,
        ends: bool = True,
        python: str = sys.executable,
        **environment: str,
    ) -> None:
        self._command = command
        self._patience = patience
        self._ends = ends
        self._python = python
        self._environment = environment
        self._log = Path()
        self._process: subprocess.Popen[bytes]
        self._ended = True
        self.port = 0

    def __enter__(self) -> Server:  # noqa: PYI034
        descriptor, name = tempfile.mkstemp(suffix=".log")
        os.close(descriptor)
        self._log = Path(name)
        try:
            self._start()
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        try:
            # On Ctrl-C there may be a moment only before this process is ended
            # as well.
            if not self._ended:
                self._end(graceful=error is None or isinstance(error, Exception))
        finally:
            self._log.unlink()

    def stop(self) -> None:
        """End the server now, so that its log is complete."""
        self._end(graceful=True)

    def request(
        self,
        method: str,
        path: str,
        content: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request on a connection of its own.

        Raises:
            OSError, http.client.HTTPException: there is no answer.
        """
        connection = http.client.HTTPConnection(HOST, self.port, timeout=30)
        with contextlib.closing(connection):
            body = None if content is None else json.dumps(content)
            sent = {"content-type": "application/json"} if body else {}
            connection.request(method, path, body, {**sent, **(headers or {})})
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())

    def log(self) -> str:
        """Return what the server has written so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def _start(self) -> None:
        # Between looking for a free port and using it somebody else may take
        # it. It is rare enough for a few tries to be enough.
        for _ in range(3):
            self.port = _free_port()
            with self._log.open("wb") as log, _holding_back_signals():
                self._process = self._spawn(log)
                self._ended = False
            if self._answers():
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

    def _answers(self) -> bool:
        """Wait until there is an answer to a request, whatever it says."""
        for _ in polled(self._patience):
            if self._has_exited():
                return False
            with contextlib.suppress(OSError, http.client.HTTPException):
                self.request("GET", "/")
                # Or else it was another server that has answered.
                return not self._has_exited()
        return False

    def _has_exited(self) -> bool:
        """Tell whether the process has ended, without giving up its id.

        As long as nobody has waited for it, no other process can get the id
        that the rest of its group is ended by.
        """
        # To send a signal, Popen looks first whether the process has ended.
        if self._process.returncode is not None or not hasattr(os, "waitid"):
            return self._process.poll() is not None
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self._process.pid, options) is not None

    def _end(self, graceful: bool) -> None:
        process, self._ended = self._process, True
        try:
            if graceful and self._ends:
                process.terminate()
                for _ in polled(self._patience):
                    if self._has_exited():
                        break
        finally:
            # Whatever is left of the server and its workers: nothing, as a rule.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                if hasattr(os, "killpg"):
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()
            process.wait()


def polled(seconds: float) -> Iterator[None]:
    """Iterate, with a short pause each time, until the deadline has passed."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)


@contextlib.contextmanager
def ending_cleanly() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end a command as Ctrl-C does: with clean-up.

    What it says then, and when a server does not run, is one line.

    Raises:
        SystemExit: the command has been interrupted, or a server does not run.
    """

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    numbers = {getattr(signal, name, signal.SIGTERM) for name in ("SIGTERM", "SIGHUP")}
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        # Who runs this with nohup wants it to survive.
        if handler is not signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        yield
    except ServerError as error:
        print(error, file=sys.stderr)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _holding_back_signals() -> Iterator[None]:
    """Let Ctrl-C wait until the child that is being started can be ended."""
    came: list[tuple[int, FrameType | None]] = []

    def hold_back(number: int, frame: FrameType | None) -> None:
        came.append((number, frame))

    before: dict[int, Any] = {}
    # No other thread can be interrupted, nor set a handler.
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):
            number = getattr(signal, name, signal.SIGINT)
            handler = signal.getsignal(number)
            if callable(handler) and number not in before:
                before[number] = handler
                signal.signal(number, hold_back)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number, frame in came:
            before[number](number, frame)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port

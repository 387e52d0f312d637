"""The example service under load, in the mode that ididi alone fails in.

Two workers of uvicorn, which start every request in an empty context, mixed
routes, clients that hang up, and a worker that is killed and replaced on the
way. Bounded in requests and in time, and to this machine. The exit status is 0
only if every request was answered as it has to be, but for those that the kill
has cut, and nothing is left open.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import WebSocketException

from lab.servers import attack, rows, traffic
from tests.serving import HOST, Server, ending_cleanly

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKERS = 2
LASTING = {"KeyStore": 1}
COMMAND = (
    *("uvicorn", rows.FASTAPI, "--host", HOST, "--port", "{port}"),
    *("--workers", str(WORKERS)),
    # The errors that are asked for would fill the log, and a connection that
    # is closed for being idle is no failure to look for.
    *("--log-level", "critical", "--timeout-keep-alive", "600"),
)

HANG_UP_IN_STREAM = ("HANG UP", "/stream?chunks=0&pause=0.01", None, 0)
HANG_UP_AT_ONCE = ("HANG UP", "/contexts", None, 0)
WEBSOCKET = ("WEBSOCKET", "/ws", None, 101)
STREAM = ("GET", "/stream?chunks=20", None, 200)

MIX = {
    **dict.fromkeys(range(len(traffic.ROUTES)), 8),
    # By their place in the table above: they cost several times as much.
    **{
        number: 1
        for number, route in enumerate(traffic.ROUTES)
        if route[1] in ("/contexts", "/broken")
    },
}
KINDS = (*traffic.ROUTES, STREAM, HANG_UP_IN_STREAM, HANG_UP_AT_ONCE, WEBSOCKET)
WEIGHTS = (*MIX.values(), 2, 1, 1, 1)


NO_ANSWER = (httpx.NetworkError, httpx.RemoteProtocolError)
"""What httpx raises if the other end is gone. A timeout is something else."""


class WrongAnswerError(Exception):
    """The service has answered, but not as it has to."""


class HungUpError(Exception):
    """The client has sent its request, and does not wait for the answer."""


class Connection:
    """One connection of a client, kept alive for a few requests.

    Attributes:
        opened_at: when it was opened, or opened again by the client.
        worker: the process at its other end, as soon as that has said so.
    """

    def __init__(self, port: int) -> None:
        self._client = attack.connected(port)
        self._hangs_up = False
        self.opened_at = time.monotonic()
        self.worker: int | None = None

    async def request(
        self, method: str, path: str, content: object, name: str
    ) -> httpx.Response:
        """Send one request, called *name*; return the whole answer."""
        answer = await self._client.request(
            method, path, json=content, **self._options(name)
        )
        if "x-worker" in answer.headers:
            # Not in what is answered outside the middleware.
            self.worker = int(answer.headers["x-worker"])
        return answer

    async def read_beginning(self, path: str, name: str) -> None:
        """Ask for a stream, and hang up at its first part."""
        async with self._client.stream("GET", path, **self._options(name)) as answer:
            async for _ in answer.aiter_raw():
                return

    async def hang_up(self, path: str, name: str) -> None:
        """Ask for something, and hang up as soon as that is sent."""
        self._hangs_up = True
        with contextlib.suppress(HungUpError):
            await self._client.get(path, **self._options(name))

    async def close(self) -> None:
        """Hang up."""
        await self._client.aclose()

    def _options(self, name: str) -> dict[str, Any]:
        return {
            "headers": {"x-request-id": name},
            "extensions": {"trace": self._trace},
        }

    async def _trace(self, event: str, _: object) -> None:
        if event == "connection.connect_tcp.started":
            # The first time, or since the server has closed the one before.
            self.opened_at, self.worker = time.monotonic(), None
        elif event == "http11.send_request_body.complete" and self._hangs_up:
            raise HungUpError


class Kill(NamedTuple):
    """A worker that was killed.

    Attributes:
        worker: its process id.
        dead_at: when it was certainly dead.
        ledger: its last one.
    """

    worker: int
    dead_at: float
    ledger: dict[str, Any]


class Soak:
    """One run: its clients, and what became of their requests."""

    def __init__(self, server: Server, requests: int, concurrency: int) -> None:
        self.server = server
        self.requests = requests
        self.concurrency = concurrency
        self.outcomes: Counter[str] = Counter()
        self.failures: list[str] = []
        self.kill: Kill | None = None
        self.at_start: dict[int, dict[str, Any]] = {}
        self.at_end: dict[int, dict[str, Any]] = {}
        self.seconds = 0.0
        self._numbers = iter(range(requests))
        self._names = itertools.count()
        self._dying: int | None = None

    @property
    def done(self) -> int:
        """How many requests have come to their end."""
        return sum(self.outcomes.values())

    async def run(self) -> None:
        """Send everything, kill a worker half-way, and wait for the end."""
        started = time.monotonic()
        # Warm: what is loaded with the first requests is no leak.
        await asyncio.gather(
            *(self._client(self._first(self.requests // 50)) for _ in range(8))
        )
        self.at_start = await self._ledgers()
        clients = [
            asyncio.ensure_future(self._client(self._numbers))
            for _ in range(self.concurrency)
        ]
        try:
            await self._kill_half_way(clients)
            await asyncio.gather(*clients)
        finally:
            for client in clients:
                client.cancel()
        self.seconds = time.monotonic() - started
        self.at_end = await asyncio.to_thread(
            traffic.finished, self.server, WORKERS, LASTING
        )

    def _first(self, count: int) -> Iterator[int]:
        return itertools.islice(self._numbers, count // 8)

    async def _ledgers(self) -> dict[int, dict[str, Any]]:
        return await asyncio.to_thread(traffic.ledgers, self.server, WORKERS)

    async def _kill_half_way(self, clients: list[asyncio.Future[None]]) -> None:
        while self.done < self.requests // 2 and not all(
            client.done() for client in clients
        ):
            await asyncio.sleep(0.01)
        before = await self._ledgers()
        worker = self._dying = min(before)
        os.kill(worker, signal.SIGKILL)
        while _exists(worker):
            await asyncio.sleep(0.01)
        self.kill = Kill(worker, time.monotonic(), before[worker])
        after: dict[int, dict[str, Any]] = {}
        while worker in after or len(after) < WORKERS:
            after = await self._ledgers()
        for replacement in after.keys() - before.keys():
            self.at_start[replacement] = after[replacement]

    async def _client(self, numbers: Iterator[int]) -> None:
        connection = None
        for number in numbers:
            # The same mix in every run, whichever client gets which.
            chance = random.Random(number)
            kind = chance.choices(KINDS, WEIGHTS)[0]
            if kind[0] == "WEBSOCKET":
                await self._talk(kind)
                continue
            if connection is None:
                connection = Connection(self.server.port)
            try:
                stays = await self._send(connection, kind)
            except Exception as error:
                self._failed(kind, error, connection.opened_at, connection.worker)
                stays = False
            # Now and then a new one, so that every worker has some.
            if not stays or chance.random() < 0.05:
                await connection.close()
                connection = None
        if connection is not None:
            await connection.close()

    async def _send(self, connection: Connection, kind: tuple[Any, ...]) -> bool:
        """Send one request; tell whether the connection can have another."""
        method, path, content, status = kind
        name = f"request-{next(self._names)}"
        if method == "HANG UP":
            if kind is HANG_UP_IN_STREAM:
                await connection.read_beginning(path, name)
            else:
                await connection.hang_up(path, name)
            self.outcomes["hung up"] += 1
            return False
        answer = await connection.request(method, path, content, name)
        if answer.status_code != status:
            raise WrongAnswerError(f"{answer.status_code}: {answer.text[:200]!r}")
        if kind is not STREAM and answer.json()["request"] != name:
            raise WrongAnswerError(f"{name} was answered as {answer.text[:200]!r}")
        self.outcomes["answered"] += 1
        # uvicorn hangs up on its part after an exception nobody handled.
        return status < 500

    async def _talk(self, kind: tuple[Any, ...]) -> None:
        """Open a websocket and exchange a few messages."""
        opened_at = time.monotonic()
        name = f"request-{next(self._names)}"
        url = f"ws://{HOST}:{self.server.port}{kind[1]}"
        try:
            async with connect_websocket(
                url,
                additional_headers={"x-request-id": name},
                # Nothing leaves this machine, whatever the environment says.
                proxy=None,
                open_timeout=traffic.PATIENCE,
            ) as socket:
                for _ in range(3):
                    await socket.send("hello")
                    if json.loads(await socket.recv())["request"] != name:
                        raise WrongAnswerError(f"{name} was answered as another")
            self.outcomes["answered"] += 1
        except Exception as error:
            self._failed(kind, error, opened_at, None)

    def _failed(
        self,
        kind: tuple[Any, ...],
        error: Exception,
        opened_at: float,
        worker: int | None,
    ) -> None:
        cut = (OSError, EOFError, WebSocketException, *NO_ANSWER)
        if (
            isinstance(error, cut)
            and self._dying is not None
            # It was there when the worker died, and was or may have been its.
            and (self.kill is None or opened_at < self.kill.dead_at)
            and worker in (None, self._dying)
        ):
            self.outcomes["cut by the kill"] += 1
            return
        self.outcomes["failed"] += 1
        self.failures.append(f"{kind[0]} {kind[1]}: {type(error).__name__}: {error}")


async def show_progress(soak: Soak) -> None:
    """Keep one line of a terminal up to date, for as long as this runs."""
    started = time.monotonic()
    while True:
        rate = soak.done / max(time.monotonic() - started, 0.001)
        print(
            f"\r{soak.done:>9,} of {soak.requests:,} requests, {rate:,.0f} a second,"
            f" {soak.outcomes['failed']} failed ",
            end="",
            file=sys.stderr,
            flush=True,
        )
        await asyncio.sleep(0.2)


async def soak_within(soak: Soak, minutes: float) -> None:
    """Run *soak*, and end it after some minutes."""
    progress = None
    if sys.stderr.isatty():
        progress = asyncio.ensure_future(show_progress(soak))
    try:
        await asyncio.wait_for(soak.run(), minutes * 60)
    except asyncio.TimeoutError:
        soak.failures.append(f"not at its end after {minutes:g} minutes")
    except AssertionError as error:
        # What the ledgers say at the end.
        soak.failures.append(str(error))
    finally:
        if progress is not None:
            progress.cancel()
            print("\r" + " " * 70, end="\r", file=sys.stderr, flush=True)


def report(soak: Soak) -> list[str]:
    """Return the result, line by line."""
    outcomes = soak.outcomes
    violations, extra = violations_of(soak), extra_of(soak)
    lines = [
        (
            f"uvicorn {version('uvicorn')} with {WORKERS} workers, ididi"
            f" {version('ididi')}, Python {sys.version.split()[0]}"
        ),
        (
            f"requests              {soak.done:>9,}   in {soak.seconds:.0f} s,"
            f" {soak.concurrency} at a time"
        ),
        f"  answered            {outcomes['answered']:>9,}",
        f"  hung up by clients  {outcomes['hung up']:>9,}",
        f"  cut by the kill     {outcomes['cut by the kill']:>9,}",
        f"failures              {len(soak.failures):>9,}",
        f"isolation violations  {violations:>9,}",
        f"extra open resources  {extra:>9,}",
    ]
    for worker, start in soak.at_start.items():
        if soak.kill is not None and worker == soak.kill.worker:
            end, fate = soak.kill.ledger, "killed half-way, and replaced"
        else:
            end, fate = soak.at_end.get(worker, start), "ended with the run"
        lines.append(
            f"worker {worker:<8} memory {_mib(start)} at its start, {_mib(end)} at its"
            f" end, {end['connections']:,} connections; {fate}"
        )
    lines += [f"FAILED: {failure}" for failure in soak.failures[:10]]
    return lines


def violations_of(soak: Soak) -> int:
    """Return how many violations of isolation all the workers have counted."""
    killed = [soak.kill.ledger] if soak.kill is not None else []
    return sum(ledger["violations"] for ledger in (*soak.at_end.values(), *killed))


def extra_of(soak: Soak) -> int:
    """Return how many resources are open that the lifespan doesn't hold."""
    opened = Counter[str]()
    for ledger in soak.at_end.values():
        opened.update(ledger["open"])
        opened.subtract(LASTING)
    return sum(opened.values())


def is_clean(soak: Soak) -> bool:
    """Tell whether the run has shown what it is to show."""
    return (
        soak.done == soak.requests
        and not soak.failures
        and soak.kill is not None
        and len(soak.at_start) == WORKERS + 1
        and len(soak.at_end) == WORKERS
        and not violations_of(soak)
        and not extra_of(soak)
    )


def control() -> str:
    """Return what is wrong if the service works without the shim."""
    with Server(COMMAND, IDIDI_SCOPEFIX="0") as server:
        status = traffic.token(server).status
    return "" if status == 500 else f"without the shim it answers {status}, not 500"


def _exists(process: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, 0)
        return True
    return False


def _mib(ledger: dict[str, Any]) -> str:
    return f"{ledger['memory'] / 2**20:.1f} MiB"


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lab.servers.soak")
    parser.add_argument("--requests", type=int, default=100_000)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--minutes", type=float, default=15, help="at most")
    options = parser.parse_args()
    with ending_cleanly():
        wrong = control()
        if wrong:
            print(f"FAILED: {wrong}")
            return 1
        with Server(COMMAND, IDIDI_SCOPEFIX="1") as server:
            soak = Soak(server, options.requests, options.concurrency)
            asyncio.run(soak_within(soak, options.minutes))
    print("\n".join(report(soak)))
    return 0 if is_clean(soak) else 1


if __name__ == "__main__":
    sys.exit(main())

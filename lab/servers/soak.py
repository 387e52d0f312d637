"""The service under load, in the mode that ididi alone fails in: ``make soak``.

Two workers of uvicorn, which start every request in an empty context, mixed routes,
clients that hang up, and a worker that is killed and replaced on the way. The exit
status is 0 only if every request was answered as it has to be, except those that the
kill has cut, no worker has noted a violation of isolation, and nothing is left open.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import math
import os
import random
import signal
import sys
import time
from collections import Counter
from importlib.metadata import version
from typing import Any

import httpx

from lab.servers import attack, rows, traffic
from tests.serving import HOST, Server

WORKERS = 2
CONCURRENCY = 64
MINUTES = 15
"""How long it may take at most."""
COMMAND = (
    *("uvicorn", rows.FASTAPI, "--host", HOST, "--port", "{port}"),
    *("--workers", str(WORKERS), "--log-level", "warning"),
    # Closing a connection for being idle is no failure to look for.
    *("--timeout-keep-alive", "600"),
)
STREAM = ("/stream?chunks=20", 200)
HANG_UP = ("/stream?chunks=0&pause=0.01", 200)
KINDS = (*traffic.ROUTES, STREAM, HANG_UP)
WEIGHTS = (*(1 if path == "/contexts" else 8 for path, _ in traffic.ROUTES), 2, 2)
CUT = (httpx.NetworkError, httpx.ProtocolError)
"""What a client sees of a worker that is gone."""


class WrongAnswerError(Exception):
    """The service has answered, but not as it has to."""


class Soak:
    """One run: its clients, and what became of their requests."""

    def __init__(self, server: Server, requests: int) -> None:
        self.server, self.requests = server, requests
        self.outcomes: Counter[str] = Counter()
        self.failures: list[str] = []
        self.seconds = 0.0
        # The same mix in every run, whichever client gets which.
        self._kinds = iter(random.Random(1).choices(KINDS, WEIGHTS, k=requests))
        self._names = (f"request-{number}" for number in itertools.count())
        self._killing = False
        self._killed_at = math.inf

    @property
    def done(self) -> int:
        """How many requests have come to their end."""
        return sum(self.outcomes.values())

    async def run(self) -> None:
        """Send everything, kill a worker half-way, and wait for the end."""
        began = time.monotonic()
        clients = [self._client() for _ in range(CONCURRENCY)]
        await asyncio.gather(self._kill_half_way(), *clients)
        self.seconds = time.monotonic() - began
        await asyncio.to_thread(traffic.finished, self.server, WORKERS)

    async def _ask(self) -> dict[int, Any]:
        return await asyncio.to_thread(traffic.ledgers, self.server, WORKERS)

    async def _kill_half_way(self) -> None:
        while self.done < self.requests // 2:
            await asyncio.sleep(0.01)
        before = await self._ask()
        worker = min(before)
        assert not before[worker]["violations"], before[worker]
        self._killing = True
        os.kill(worker, signal.SIGKILL)
        while exists(worker):
            await asyncio.sleep(0.01)
        self._killed_at = time.monotonic()
        while worker in await self._ask():
            pass

    async def _client(self) -> None:
        for first in self._kinds:
            async with attack.connected(self.server.port) as client:
                opened_at = time.monotonic()
                for kind in itertools.chain((first,), self._kinds):
                    await self._try(client, kind, opened_at)
                    if kind is HANG_UP:
                        break

    async def _try(
        self, client: httpx.AsyncClient, kind: tuple[str, int], opened_at: float
    ) -> None:
        try:
            self.outcomes[await self._send(client, kind)] += 1
        except Exception as error:
            # The connection was there when the worker died, and may have been its.
            may_be_cut = self._killing and opened_at < self._killed_at
            if may_be_cut and isinstance(error, CUT):
                self.outcomes["cut by the kill"] += 1
                return
            self.outcomes["failed"] += 1
            self.failures.append(f"{kind[0]}: {type(error).__name__}: {error}")

    async def _send(self, client: httpx.AsyncClient, kind: tuple[str, int]) -> str:
        """Send one request; return what became of it."""
        path, status = kind
        name = next(self._names)
        headers = {"x-request-id": name}
        if kind is HANG_UP:
            async with client.stream("GET", path, headers=headers) as answer:
                async for _ in answer.aiter_raw():
                    return "hung up"
        answer = await client.get(path, headers=headers)
        if answer.status_code != status:
            raise WrongAnswerError(f"{answer.status_code}: {answer.text[:200]!r}")
        if kind is not STREAM and answer.json()["request"] != name:
            raise WrongAnswerError(f"{name} was answered as {answer.text[:200]!r}")
        return "answered"

    def report(self) -> list[str]:
        """Return the result, line by line."""
        return [
            f"uvicorn {version('uvicorn')}, ididi {version('ididi')}",
            f"{self.done:,} requests in {self.seconds:.0f} s, no violation of isolation",
            *(f"  {count:>9,} {outcome}" for outcome, count in self.outcomes.items()),
            *(f"FAILED: {failure}" for failure in self.failures[:10]),
        ]


def exists(process: int) -> bool:
    """Tell whether a process is there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, 0)
        return True
    return False


def main() -> int:
    """Run what the command line asks for; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lab.servers.soak")
    parser.add_argument("--requests", type=int, default=100_000)
    requests = parser.parse_args().requests
    with Server(COMMAND, IDIDI_SCOPEFIX="0") as server:
        status = server.request("GET", "/request").status
    if status != 500:
        print(f"FAILED: without the shim it answers {status}, not 500")
        return 1
    with Server(COMMAND, IDIDI_SCOPEFIX="1") as server:
        soak = Soak(server, requests)
        asyncio.run(asyncio.wait_for(soak.run(), MINUTES * 60))
    print("\n".join(soak.report()))
    return 1 if soak.failures else 0


if __name__ == "__main__":
    sys.exit(main())

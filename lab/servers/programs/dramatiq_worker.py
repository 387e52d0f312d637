"""dramatiq's worker, on a broker in memory: in threads, or in an event loop."""

from __future__ import annotations

import asyncio
import sys
import threading

import dramatiq
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import AsyncIO

from lab.servers.programs import isolated

MESSAGES = 50

broker = StubBroker()
broker.emit_after("process_boot")
dramatiq.set_broker(broker)
ended: list[threading.Thread] = []


@dramatiq.actor(max_retries=0)
def work() -> None:
    """Work in a thread of the worker."""
    isolated.work()
    ended.append(threading.current_thread())


async def awork() -> None:
    """Work in the event loop of the AsyncIO middleware."""
    await asyncio.sleep(0)
    isolated.work()
    ended.append(threading.current_thread())


def main(kind: str) -> None:
    """Send messages, more than there are threads, and wait for all of them."""
    actor = work
    if kind == "asyncio":
        broker.add_middleware(AsyncIO())
        actor = dramatiq.actor(max_retries=0)(awork)
    worker = dramatiq.Worker(broker, worker_threads=4)
    worker.start()
    try:
        for _ in range(MESSAGES):
            actor.send()
        broker.join(actor.queue_name, fail_fast=True, timeout=60_000)
        worker.join()
    finally:
        worker.stop()
    assert len(ended) == MESSAGES
    assert threading.main_thread() not in ended


if __name__ == "__main__":
    main(sys.argv[1])

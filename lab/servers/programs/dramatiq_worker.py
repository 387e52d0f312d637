"""dramatiq's worker, in threads, on a broker in memory."""

from __future__ import annotations

import threading

import dramatiq
from dramatiq.brokers.stub import StubBroker

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


def main() -> None:
    """Send messages, more than there are threads, and wait for all of them."""
    worker = dramatiq.Worker(broker, worker_threads=4)
    worker.start()
    try:
        for _ in range(MESSAGES):
            work.send()
        broker.join(work.queue_name, fail_fast=True, timeout=60_000)
        worker.join()
    finally:
        worker.stop()
    assert len(ended) == MESSAGES
    assert threading.main_thread() not in ended


if __name__ == "__main__":
    main()

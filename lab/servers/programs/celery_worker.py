"""Celery's worker with the threads pool, on a broker in memory."""

from __future__ import annotations

from celery import Celery
from celery.contrib.testing.worker import start_worker

from lab.servers.programs import isolated

app = Celery("example", broker="memory://", backend="cache+memory://")


@app.task
def work() -> int:
    """Work as a task."""
    isolated.work()
    return 1


def main() -> None:
    """Start a worker, and have it work more often than it has threads."""
    with start_worker(
        app,
        pool="threads",
        concurrency=4,
        perform_ping_check=False,
        shutdown_timeout=60,
    ):
        results = [work.delay() for _ in range(50)]
        assert sum(result.get(timeout=60) for result in results) == 50


if __name__ == "__main__":
    main()

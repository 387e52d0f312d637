"""Celery's worker, in threads or in processes, on a broker in a folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

from celery import Celery

from lab.servers.programs import isolated

FOLDER = "CELERY_FOLDER"
"""The variable that tells the worker where messages and results are."""

PROCESSES = {"threads": 1, "prefork": 2}

app = Celery("example")


def configure(folder: str) -> None:
    """Have messages and results in *folder*."""
    app.conf.update(
        broker_url="filesystem://",
        broker_transport_options={
            "data_folder_in": folder,
            "data_folder_out": folder,
            "control_folder": folder,
        },
        result_backend=f"file://{folder}",
        worker_prefetch_multiplier=1,
    )


if FOLDER in os.environ:
    configure(os.environ[FOLDER])


@app.task(name="work")
def work() -> int:
    """Work in a thread: the main thread of a fork has the scope of its parent."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(isolated.work).result()
    return os.getpid()


def main(pool: str) -> None:
    """Start a worker, have all of its processes work, and end it."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[FOLDER] = folder
        configure(folder)
        options = ("--pool", pool, "--concurrency", "2")
        options += ("--without-gossip", "--without-mingle", "--without-heartbeat")
        celery = (sys.executable, "-m", "celery", "--app", __spec__.name)
        worker = subprocess.Popen([*celery, "worker", *options])
        try:
            seen: set[int] = set()
            for _ in range(20):
                results = [work.delay() for _ in range(5)]
                seen.update(result.get(timeout=60) for result in results)
                if len(seen) == PROCESSES[pool]:
                    break
            assert len(seen) == PROCESSES[pool]
        finally:
            worker.terminate()
            worker.wait(60)
    for process in seen:
        print(f"worker {process}")


if __name__ == "__main__":
    main(sys.argv[1])

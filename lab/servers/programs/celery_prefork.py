"""Celery's worker with its default pool, which forks, on a broker in a folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from celery import Celery

from lab.servers.programs import isolated

VARIABLE = "CELERY_FOLDER"
CHILDREN = 2

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


if VARIABLE in os.environ:
    configure(os.environ[VARIABLE])


@app.task(name="work")
def work() -> int:
    """Work in a thread: the child's main thread has the scope of its parent."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            isolated.work()
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    for error in failed:
        raise error
    return os.getpid()


def main() -> None:
    """Start a worker, have all of its children work, and end it."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ[VARIABLE] = folder
        configure(folder)
        options = ("--pool", "prefork", "--concurrency", str(CHILDREN))
        options += ("--without-gossip", "--without-mingle", "--without-heartbeat")
        module = f"lab.servers.programs.{Path(__file__).stem}"
        worker = subprocess.Popen(
            [sys.executable, "-m", "celery", "--app", module, "worker", *options]
        )
        try:
            children: set[int] = set()
            for _ in range(20):
                results = [work.delay() for _ in range(5)]
                children.update(result.get(timeout=60) for result in results)
                if len(children) == CHILDREN:
                    break
            assert len(children) == CHILDREN
        finally:
            worker.terminate()
            worker.wait(60)
    for child in children:
        print(f"worker {child}")


if __name__ == "__main__":
    main()

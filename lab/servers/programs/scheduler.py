"""APScheduler, whose jobs run in the threads of a pool."""

from __future__ import annotations

import threading
from datetime import datetime, timezone

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from lab.servers.programs.isolated import work

JOBS = 50


def main() -> None:
    """Run jobs, more than there are threads, and look at how each has ended."""
    ended: list[JobExecutionEvent] = []
    all_ended = threading.Event()

    def end(event: JobExecutionEvent) -> None:
        ended.append(event)
        if len(ended) == JOBS:
            all_ended.set()

    scheduler = BackgroundScheduler(
        executors={"default": ThreadPoolExecutor(4)},
        timezone=timezone.utc,
        job_defaults={"misfire_grace_time": None},
    )
    scheduler.add_listener(end, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
    scheduler.start()
    try:
        for _ in range(JOBS):
            scheduler.add_job(work, "date", run_date=datetime.now(timezone.utc))
        assert all_ended.wait(60), f"{len(ended)} of {JOBS} jobs have ended"
    finally:
        scheduler.shutdown()
    for event in ended:
        if event.exception is not None:
            raise event.exception


if __name__ == "__main__":
    main()

"""APScheduler, whose jobs run in the threads of a pool."""

from __future__ import annotations

import queue
from datetime import timezone

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.schedulers.background import BackgroundScheduler

from lab.servers.programs.isolated import work

JOBS = 50


def main() -> None:
    """Run jobs, more than there are threads, and look at how each has ended."""
    ended: queue.Queue[JobExecutionEvent] = queue.Queue()
    late = {"misfire_grace_time": None}
    scheduler = BackgroundScheduler(timezone=timezone.utc, job_defaults=late)
    scheduler.add_listener(ended.put, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)
    scheduler.start()
    for _ in range(JOBS):
        scheduler.add_job(work)
    events = [ended.get(timeout=60) for _ in range(JOBS)]
    scheduler.shutdown()
    for event in events:
        if event.exception is not None:
            raise event.exception


if __name__ == "__main__":
    main()

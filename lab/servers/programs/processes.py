"""``multiprocessing`` children, and the threads that they start.

The main thread of a child is no problem: it has built the graph itself, or is
a copy of the one that has.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import ididi_scopefix
from lab.servers.programs.isolated import work


def child(number: int) -> int:
    """Work in the main thread of a child, and in threads of its."""
    work()
    with ThreadPoolExecutor(2) as pool:
        for future in [pool.submit(work) for _ in range(10)]:
            future.result(60)
    # A child counts for itself: its own threads, the parent's not.
    assert 4 < ididi_scopefix.status().fallbacks < 60 * (number + 1)
    print(f"worker {os.getpid()}", flush=True)
    return number


def main(method: str) -> None:
    """Start children by *method*, while the parent has worked in threads, too."""
    context = multiprocessing.get_context(method)
    # In the order of the parent's work: with threads, and a scope open.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(work).result(60)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert list(pool.map(child, range(4))) == [0, 1, 2, 3]


if __name__ == "__main__":
    main(sys.argv[1])

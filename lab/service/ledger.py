"""The ledger: what is open in this process, and what went wrong."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.service.resources import Resource

    R = TypeVar("R", bound=Resource)


class Ledger:
    """Counts resources, connections and violations of isolation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: Counter[str] = Counter()
        self._opened = 0
        self._connections = 0
        self._violations: list[str] = []

    @contextmanager
    def holding(self, resource: R) -> Iterator[R]:
        """Count *resource* as open until the scope that holds it ends."""
        kind = type(resource).__name__
        with self._lock:
            self._open[kind] += 1
            self._opened += 1
        try:
            yield resource
        finally:
            resource.is_open = False
            with self._lock:
                self._open[kind] -= 1

    def connection(self) -> None:
        """Count one connection."""
        with self._lock:
            self._connections += 1

    def violation(self, text: str) -> None:
        """Count one violation of isolation."""
        with self._lock:
            self._violations.append(text)

    def report(self) -> dict[str, Any]:
        """Return everything that was counted in this process."""
        with self._lock:
            return {
                "worker": os.getpid(),
                "connections": self._connections,
                "opened": self._opened,
                "open": {kind: n for kind, n in self._open.items() if n},
                "violations": len(self._violations),
                # All of them would tell no more.
                "first_violations": self._violations[:5],
                "memory": memory(),
            }


ledger = Ledger()


def memory() -> int:
    """Return how many bytes of memory this process has, at most or at present."""
    try:
        with open("/proc/self/statm", encoding="ascii") as statm:
            pages = int(statm.read().split()[1])
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
    return pages * os.sysconf("SC_PAGE_SIZE")

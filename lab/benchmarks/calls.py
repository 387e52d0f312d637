"""The calls that are measured, each in a process of its own.

Prints the seconds one call takes, for each of a number of samples.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextvars import Context
from time import perf_counter
from typing import Any, Callable

from ididi import Graph

SAMPLES = 15


def use_scope(graph: Any, loops: int) -> float:
    """``use_scope()`` where the context has a scope."""
    call = graph.use_scope
    began = perf_counter()
    for _ in range(loops):
        call()
    return perf_counter() - began


def scope(graph: Any, loops: int) -> float:
    """``with graph.scope()`` where the context has a scope."""
    began = perf_counter()
    for _ in range(loops):
        with graph.scope():
            pass
    return perf_counter() - began


def ascope(graph: Any, loops: int) -> float:
    """``async with graph.ascope()`` where the context has a scope."""

    async def main() -> float:
        began = perf_counter()
        for _ in range(loops):
            async with graph.ascope():
                pass
        return perf_counter() - began

    return asyncio.run(main())


def fresh(graph: Any, loops: int) -> float:
    """A fresh context's first ``scope()``."""

    def first() -> None:
        with graph.scope():
            pass

    began = perf_counter()
    for _ in range(loops):
        Context().run(first)
    return perf_counter() - began


CALLS: dict[str, tuple[Callable[[Any, int], float], int]] = {
    "use_scope": (use_scope, 20_000),
    "scope": (scope, 1_000),
    "ascope": (ascope, 1_000),
    "fresh": (fresh, 1_000),
}


def main(name: str) -> None:
    """Measure the call *name*."""
    graph = Graph()
    function, loops = CALLS[name]
    function(graph, loops)
    print(json.dumps([function(graph, loops) / loops for _ in range(SAMPLES)]))


if __name__ == "__main__":
    main(sys.argv[1])

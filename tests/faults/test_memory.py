"""Nothing is kept alive: not once in hundreds of thousands."""

from __future__ import annotations

import gc
import tracemalloc
from contextvars import Context
from typing import Any, Callable

import ididi.graph
import pytest
from ididi import Graph

import ididi_scopefix
from tests import children


def grown(work: Callable[[int], None], rounds: int) -> int:
    """Return by how many bytes *rounds* of *work* make the process grow."""
    # Whatever is made once, is made now.
    work(rounds // 100)
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        work(rounds)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def test_a_hundred_thousand_fresh_contexts_leave_nothing_behind() -> None:
    """As many requests, each in an empty context."""
    graph = Context().run(Graph)

    def request() -> None:
        with graph.scope("request"):
            graph.use_scope("request")

    def serve(requests: int) -> None:
        for _ in range(requests):
            Context().run(request)

    before = ididi_scopefix.status().seeded
    assert grown(serve, 100_000) < 10_000
    assert ididi_scopefix.status().seeded >= before + 100_000


def test_a_context_that_serves_a_hundred_thousand_graphs_keeps_the_last() -> None:
    """A thread of a pool, and graphs that come and go."""
    thread = Context()

    def serve(graphs: int) -> None:
        for _ in range(graphs):
            graph = Context().run(Graph)
            thread.run(graph.use_scope)

    assert grown(serve, 100_000) < 20_000


@pytest.mark.unchanged
def test_graphs_that_share_a_thread_pool_leave_nothing_behind() -> None:
    """Also where the pool is what the default scope is kept on."""
    workers = Context().run(Graph)._workers

    def build(graphs: int) -> None:
        for _ in range(graphs):
            Context().run(Graph, workers=workers, self_inject=False)

    assert grown(build, 10_000) < 20_000


def test_setting_the_variable_again_and_again_leaves_nothing_behind() -> None:
    """As a middleware does that is the usual workaround."""
    graph = Context().run(Graph)
    default = Context().run(graph.use_scope)
    variable: Any = ididi.graph._SCOPE_CONTEXT

    def serve(requests: int) -> None:
        for _ in range(requests):
            Context().run(variable.set, default)

    assert grown(serve, 20_000) < 10_000


def test_nothing_is_uncollectable() -> None:
    """Neither graphs nor scopes nor contexts end up in ``gc.garbage``."""
    child = children.run(
        """
        import gc
        gc.set_debug(gc.DEBUG_UNCOLLECTABLE)
        import asyncio, threading
        from contextvars import Context
        import ididi_scopefix, ididi

        def serve():
            graph = Context().run(ididi.Graph)
            with graph.scope():
                graph.use_scope()
            async def request():
                async with graph.ascope():
                    graph.use_scope()
            asyncio.run(request())
            graph.ascope(), graph.scope()

        for _ in range(20):
            thread = threading.Thread(target=serve)
            thread.start()
            thread.join()
        gc.collect()
        assert ididi_scopefix.status().seeded >= 20
        assert gc.garbage == [], gc.garbage
        """
    )
    assert "uncollectable" not in child.stderr

"""Nothing is kept alive that plain ididi would let go."""

import gc
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Callable
from weakref import ref

import ididi.graph
import pytest
from ididi import Graph

from tests import children

unchanged = pytest.mark.unchanged


class Marker:
    """What a graph holds, to see it go: old graphs can't be referred to."""


def build() -> "tuple[Graph, ref[Marker]]":
    """Build a graph where nothing else refers to it."""
    marker = Marker()
    graph = Context().run(Graph)
    graph.register_singleton(marker)
    return graph, ref(marker)


def test_a_graph_goes_when_it_is_dropped() -> None:
    """With its default scope, that seeded contexts since gone."""
    graph, is_alive = build()
    for _ in range(3):
        Context().run(graph.use_scope)
        thread = threading.Thread(target=graph.use_scope)
        Context().run(thread.start)
        thread.join()
    assert is_alive() is not None

    del graph, thread
    gc.collect()

    assert is_alive() is None


def test_a_graph_goes_though_a_thread_that_it_seeded_lives_on(
    knows_graphs: bool,
) -> None:
    """As soon as that thread works for another graph."""
    if not knows_graphs:
        pytest.skip("compiled classes don't tell on which graph a call is made")
    graph, is_alive = build()
    other, _ = build()
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(graph.use_scope).result()
        pool.submit(other.use_scope).result()
        del graph
        gc.collect()

        assert is_alive() is None


def test_a_graph_goes_though_it_seeded_a_context_with_a_newer_one(
    knows_graphs: bool,
) -> None:
    """The mark of a seed does not keep what is seeded."""
    if not knows_graphs:
        pytest.skip("compiled classes don't tell on which graph a call is made")
    graph, is_alive = build()
    context = Context()

    context.run(graph.use_scope)
    newer, _ = build()
    # Unlike Graph(), which would keep what it replaces in its token.
    context.run(ididi.graph._SCOPE_CONTEXT.set, Context().run(newer.use_scope))
    del graph
    gc.collect()

    assert is_alive() is None


def test_a_request_goes_when_it_ends() -> None:
    """Its scope, and with it what was resolved there."""
    graph, _ = build()
    marker = Marker()
    is_alive = ref(marker)

    def request(marker: Marker) -> None:
        with graph.scope() as scope:
            scope.enter_context(holding(marker))

    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(request, marker).result()
        del marker
        gc.collect()

        assert is_alive() is None


class holding:  # noqa: N801
    """A context manager that holds something."""

    def __init__(self, held: object) -> None:
        self.held = held

    def __enter__(self) -> object:
        return self.held

    def __exit__(self, *error: object) -> None:
        pass


def grown(work: Callable[[], object], times: int) -> int:
    """Return by how many bytes memory has grown after *times* of *work*."""
    for _ in range(200):
        work()
    gc.collect()
    tracemalloc.start()
    try:
        for _ in range(times // 10):
            work()
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(times):
            work()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return after - before


def test_fresh_contexts_leave_memory_flat() -> None:
    """Each request of an affected server comes in one."""
    graph, _ = build()

    def request() -> None:
        with graph.scope("request"):
            graph.use_scope()

    assert grown(lambda: Context().run(request), 20_000) < 20_000


def test_graphs_leave_memory_flat() -> None:
    """``ididi.resolve`` builds one each time."""

    def build_and_use() -> None:
        graph = Graph()
        Context().run(graph.use_scope)

    assert grown(lambda: Context().run(build_and_use), 2_000) < 20_000


def test_late_default_scopes_are_let_go_as_well() -> None:
    """Those of graphs that were built before activation."""
    children.run(
        """
        import gc, weakref
        from contextvars import Context
        import ididi_scopefix
        from ididi import Graph

        class Marker: ...

        alive = []
        graphs = []
        ididi_scopefix.deactivate()
        for _ in range(10):
            marker = Marker()
            graphs.append(Context().run(Graph))
            graphs[-1].register_singleton(marker)
            alive.append(weakref.ref(marker))
        assert ididi_scopefix.activate().state == "active"
        for graph in graphs:
            assert Context().run(graph.use_scope)
        del graph, graphs, marker
        gc.collect()
        assert not any(marker() for marker in alive)
        """
    )

"""Whatever plain ididi frees is freed with the shim as well."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any, Callable
from weakref import ref

import ididi.graph
import pytest
from ididi import Graph
from ididi.graph import Resolver

import ididi_scopefix
from tests import children, shape
from tests.pythons import (
    collect,
    counts_references,
    frees_functions,
    measures_memory,
    sees_uncollectable,
)


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
    collect()

    assert is_alive() is None


@shape.methods_only
def test_a_graph_goes_though_a_thread_that_it_seeded_lives_on() -> None:
    """As soon as that thread works for another graph."""
    graph, is_alive = build()
    other, _ = build()
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(graph.use_scope).result()
        pool.submit(other.use_scope).result()
        del graph
        collect()

        assert is_alive() is None


@shape.methods_only
def test_a_graph_goes_though_it_seeded_a_context_with_a_newer_one() -> None:
    """The marker of a seed does not keep what is seeded."""
    graph, is_alive = build()
    context = Context()

    context.run(graph.use_scope)
    newer, _ = build()
    # Unlike Graph(), which would keep what it replaces in its token.
    context.run(ididi.graph._SCOPE_CONTEXT.set, Context().run(newer.use_scope))
    del graph
    collect()

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
        collect()

        assert is_alive() is None


class holding:  # noqa: N801
    """A context manager that holds something."""

    def __init__(self, held: object) -> None:
        self.held = held

    def __enter__(self) -> object:
        return self.held

    def __exit__(self, *error: object) -> None:
        pass


@pytest.mark.shim
def test_late_default_scopes_go_as_well() -> None:
    """Those of graphs that were built before activation."""
    children.run(
        """
        import weakref
        from contextvars import Context
        import ididi_scopefix
        from ididi import Graph
        from tests.pythons import collect

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
        collect()
        assert not any(marker() for marker in alive)
        """
    )


@frees_functions
@pytest.mark.shim
def test_what_was_put_back_is_forgotten(knows_graphs: bool) -> None:
    """However often the shim goes off and on, nothing of it stays behind."""
    owner, name = (
        (Resolver, "use_scope") if knows_graphs else (ididi.graph, "_SCOPE_CONTEXT")
    )
    gone = []

    def switch(times: int) -> int:
        for _ in range(times):
            gone.append(ref(vars(owner)[name]))
            ididi_scopefix.deactivate()
            ididi_scopefix.activate()
        collect()
        assert [each() for each in gone] == [None] * len(gone)
        gone.clear()
        return len(gc.get_objects())

    switch(20)
    before = switch(1)
    assert switch(200) - before < 100


@counts_references
@pytest.mark.unchanged
def test_a_scope_that_was_never_entered_is_gone_with_its_last_reference(
    knows_graphs: bool,
) -> None:
    """Asking for one makes no cycle that waits for the collector."""
    if not knows_graphs:
        pytest.skip("ididi's compiled generators warn when they are dropped")
    graph = Context().run(Graph)
    collect()
    gc.disable()
    try:
        gone = [ref(graph.scope()), ref(graph.ascope())]
        assert [each() for each in gone] == [None, None]
    finally:
        gc.enable()


@counts_references
def test_a_graph_that_does_not_inject_itself_goes_as_early_as_in_plain_ididi() -> None:
    """With its thread pool from 1.6.0 on, and though contexts were seeded for it."""

    def serve(calls: "list[Callable[[Graph], object]]") -> "list[ref[Any]]":
        graph = Graph(self_inject=False)
        marker = Marker()
        graph.register_singleton(marker)
        with graph.scope():
            graph.use_scope()
        for call in calls:
            call(graph)
        # 1.4.4 and 1.5 have no other place for a default scope than the pool,
        # which the scope refers to in turn: there the collector frees the pool.
        pool = [graph._workers] if hasattr(graph._type_registry, "__dict__") else []
        return [ref(each) for each in (marker, *pool)]

    def are_gone(*calls: "Callable[[Graph], object]") -> "list[bool]":
        return [each() is None for each in Context().run(serve, list(calls))]

    def use(graph: Graph) -> None:
        Context().run(graph.use_scope)
        with ThreadPoolExecutor(max_workers=1) as pool:
            Context().run(pool.submit, graph.use_scope).result()

    collect()
    gc.disable()
    try:
        active = [are_gone(), are_gone(use), are_gone(use, ididi_scopefix.seed)]
        ididi_scopefix.deactivate()
        assert active == [are_gone()] * 3
    finally:
        gc.enable()


@sees_uncollectable
@pytest.mark.shim
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


def grown(work: Callable[[int], None], rounds: int) -> int:
    """Return by how many bytes *rounds* of *work* make the process grow."""
    import tracemalloc

    # The collector runs as often as in a small process: how many graphs wait for
    # it at once is not to depend on what other tests have left behind.
    gc.collect()
    gc.freeze()
    tracemalloc.start()
    try:
        # Whatever is made once, and tables that grow to their size, are made now.
        work(rounds // 10)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        work(rounds)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
        gc.unfreeze()


@measures_memory
@pytest.mark.shim
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


@measures_memory
def test_a_context_that_serves_a_hundred_thousand_graphs_keeps_the_last() -> None:
    """A thread of a pool, and graphs that come and go."""
    thread = Context()

    def serve(graphs: int) -> None:
        for _ in range(graphs):
            graph = Context().run(Graph)
            thread.run(graph.use_scope)

    assert grown(serve, 100_000) < 20_000


@measures_memory
@pytest.mark.unchanged
def test_graphs_that_share_a_thread_pool_leave_nothing_behind() -> None:
    """Also where the default scope is stored on the pool."""
    workers = Context().run(Graph)._workers

    def build(graphs: int) -> None:
        for _ in range(graphs):
            Context().run(Graph, workers=workers, self_inject=False)

    assert grown(build, 10_000) < 20_000


@measures_memory
def test_setting_the_variable_again_and_again_leaves_nothing_behind() -> None:
    """As a middleware does that is the usual workaround."""
    graph = Context().run(Graph)
    default = Context().run(graph.use_scope)
    variable: Any = ididi.graph._SCOPE_CONTEXT

    def serve(requests: int) -> None:
        for _ in range(requests):
            Context().run(variable.set, default)

    assert grown(serve, 20_000) < 10_000


@measures_memory
def test_graphs_leave_memory_flat() -> None:
    """``ididi.resolve`` builds one each time, in the context it is called in."""

    def build_and_use() -> None:
        graph = Graph()
        Context().run(graph.use_scope)

    def resolve(graphs: int) -> None:
        for _ in range(graphs):
            Context().run(build_and_use)

    assert grown(resolve, 20_000) < 20_000

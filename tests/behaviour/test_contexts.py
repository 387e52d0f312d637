"""The fallback writes nothing into a context, and keeps nothing alive."""

import asyncio
import gc
from contextvars import Context
from functools import partial
from typing import Any, Callable
from weakref import ref

import ididi.graph
import pytest
from ididi import Graph
from ididi.errors import OutOfScopeError

import ididi_scopefix
from tests import contexts
from tests.pythons import IS_FREE_THREADED, IS_PYPY, collect
from tests.shape import holds_default_scopes, is_compiled


def make_each_call(graph: Any) -> None:
    """Ask *graph* in each way, also in vain and with an error in the scope."""
    graph.use_scope()
    with pytest.raises(OutOfScopeError):
        graph.use_scope("unknown")
    with pytest.raises(ZeroDivisionError), graph.scope():
        _ = 1 / 0

    async def main() -> None:
        async with graph.ascope() as scope:
            scope.use_scope()

    asyncio.run(main())
    graph.merge(Context().run(Graph))


def test_a_context_is_left_as_it_was(graph: Graph) -> None:
    """An empty context is empty again, whatever was called in it and failed."""
    context = Context()
    context.run(make_each_call, graph)
    assert len(context) == 0


class Marker:
    """A graph holds one, to see the graph go: some can't be referred to weakly."""


def build(**options: Any) -> "tuple[Any, ref[Marker]]":
    """Build a graph where nothing else refers to it."""
    marker = Marker()
    graph = Context().run(partial(Graph, **options))
    graph.register_singleton(marker)
    return graph, ref(marker)


def open_and_leave(graph: Any) -> None:
    with graph.scope() as scope:
        scope.use_scope()


@pytest.mark.parametrize("self_inject", [True, False])
@pytest.mark.parametrize("late", [False, True])
def test_a_graph_goes_though_a_thread_it_was_used_in_lives(
    late: bool, self_inject: bool
) -> None:
    """The thread's context has nothing of the graph, and never had."""
    with contexts.one_thread() as pool:
        for _ in range(3):
            if late:
                ididi_scopefix.deactivate()
            graph, is_alive = build(self_inject=self_inject)
            ididi_scopefix.activate()
            pool.submit(graph.use_scope).result()
            pool.submit(open_and_leave, graph).result()
            pool.submit(int).result()  # what it was given last is no more the graph
            del graph
            collect()
            assert is_alive() is None


@pytest.mark.skipif(IS_PYPY, reason="PyPy frees objects only when its collector runs")
@pytest.mark.parametrize("seeded", [False, True])
def test_a_graph_goes_as_early_as_in_plain_ididi(seeded: bool) -> None:
    """Without self_inject it is gone with its last reference, without the collector."""
    graph, is_alive = build(self_inject=False)
    for _ in range(2):
        Context().run(graph.use_scope)
        Context().run(open_and_leave, graph)
    contexts.in_new_thread(graph.use_scope)
    if seeded:
        Context().run(ididi_scopefix.seed, graph)
    gc.disable()
    try:
        del graph
        assert is_alive() is None
    finally:
        gc.enable()


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


@pytest.mark.skipif(IS_PYPY, reason="PyPy has no tracemalloc")
@pytest.mark.skipif(
    IS_FREE_THREADED, reason="memory is freed later there, with plain ididi too"
)
@pytest.mark.shim
def test_contexts_and_graphs_that_come_and_go_leave_nothing() -> None:
    """A server starts each request in an empty context, and serves for months."""
    lasting, thread = Context().run(Graph), Context()
    default = Context().run(lasting.use_scope)
    variable: Any = ididi.graph._SCOPE_CONTEXT

    def build_and_use(**options: Any) -> None:  # as ididi.resolve() does
        graph = Graph(**options)
        Context().run(graph.use_scope)
        thread.run(open_and_leave, graph)

    def serve(rounds: int) -> None:
        for _ in range(rounds):
            for _ in range(5):
                Context().run(open_and_leave, lasting)
            Context().run(variable.set, default)  # the usual workaround
            Context().run(build_and_use)
            if holds_default_scopes():  # else the pool keeps what was built on it
                Context().run(partial(build_and_use, workers=lasting._workers))

    before = ididi_scopefix.status().fallbacks
    assert grown(serve, 1_000) < 20_000
    assert ididi_scopefix.status().fallbacks > before + 5_000


@pytest.mark.unchanged
@pytest.mark.skipif(is_compiled(), reason="compiled methods do not tell who asks")
def test_who_reads_the_variable_himself_finds_nothing(graph: Graph) -> None:
    """Only ididi's own calls are answered, and not a method of the program's."""

    class Repository:
        def __init__(self) -> None:
            self._type_registry, self._workers = graph._type_registry, graph._workers

        def look(self) -> None:
            variable = ididi.graph._SCOPE_CONTEXT
            assert variable.get(None) is None
            with pytest.raises(LookupError):
                variable.get()

    Context().run(Repository().look)

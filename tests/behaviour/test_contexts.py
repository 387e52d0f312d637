"""The fallback writes nothing into a context, and keeps nothing alive."""

import asyncio
import gc
from contextvars import Context, ContextVar
from functools import partial
from typing import Any, Callable
from weakref import ref

import ididi.graph
import pytest
from ididi import Graph
from ididi.errors import OutOfScopeError

import ididi_scopefix
from tests import contexts
from tests.pythons import (
    collect,
    counts_references,
    frees_functions,
    measures_memory,
    sees_uncollectable,
)
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


@pytest.mark.child(env={"IDIDI_SCOPEFIX": "verbose"}, err=None)
def test_a_context_is_left_as_it_was_in_verbose_mode() -> None:
    """What is counted there is counted elsewhere, also where a log handler raises."""
    import logging
    from contextvars import Context

    import ididi

    import ididi_scopefix

    class Broken(logging.Handler):
        def emit(self, record):
            raise RuntimeError("out of luck")

    logging.basicConfig(level=logging.INFO, handlers=[Broken()])
    graph, context = Context().run(ididi.Graph), Context()
    try:
        context.run(graph.use_scope)
    except RuntimeError as error:
        assert str(error) == "out of luck"
    assert len(context) == 0
    context.run(graph.use_scope)
    assert len(context) == 0
    assert ididi_scopefix.status().fallbacks == 2


class Marker:
    """A graph holds one, to see the graph go: some can't be referred to weakly."""


def build(**options: Any) -> "tuple[Any, ref[Marker]]":
    """Build a graph where nothing else refers to it."""
    marker = Marker()
    graph = Context().run(partial(Graph, **options))
    graph.register_singleton(marker)
    return graph, ref(marker)


def are_gone(serve: Callable[[Any], object], **options: Any) -> "list[bool]":
    """Tell for several graphs whether they go when *serve* has used and left them."""
    gone = []
    for _ in range(3):
        graph, is_alive = build(**options)
        serve(graph)
        del graph
        if gc.isenabled():
            collect()
        gone.append(is_alive() is None)
    return gone


@pytest.mark.parametrize("self_inject", [True, False])
def test_a_graph_goes_though_a_thread_it_was_used_in_lives(self_inject: bool) -> None:
    """The thread's context has nothing of the graph, and never had."""
    with contexts.one_thread() as pool:

        def serve(graph: Any) -> None:
            pool.submit(graph.use_scope).result()
            pool.submit(partial(open_and_leave, graph)).result()
            pool.submit(int).result()  # what it was given last is no more the graph

        assert are_gone(serve, self_inject=self_inject) == [True] * 3


def open_and_leave(graph: Any) -> None:
    with graph.scope() as scope:
        scope.use_scope()


@counts_references
@pytest.mark.parametrize("seeded", [False, True])
def test_a_graph_goes_as_early_as_in_plain_ididi(seeded: bool) -> None:
    """Without self_inject it is gone with its last reference, without the collector."""

    def serve(graph: Any) -> None:
        with graph.scope():
            graph.use_scope()

    def serve_elsewhere(graph: Any) -> None:
        for _ in range(2):
            Context().run(graph.use_scope)
            Context().run(serve, graph)
        contexts.in_new_thread(graph.use_scope)
        if seeded:
            Context().run(ididi_scopefix.seed, graph)

    collect()
    gc.disable()
    try:
        active = are_gone(serve_elsewhere, self_inject=False)
        ididi_scopefix.deactivate()
        plain = are_gone(lambda graph: None, self_inject=False)
    finally:
        gc.enable()
    assert active == plain == [True] * 3


@pytest.mark.skipif(
    holds_default_scopes(), reason="from ididi 1.6.0 on graphs hold their own"
)
def test_a_thread_pool_keeps_the_default_scopes_of_its_graphs() -> None:
    """In ididi 1.4.4 and 1.5.x a graph whose pool lives on is not forgotten."""
    marker = Marker()
    is_alive = ref(marker)
    lasting: Any = Context().run(Graph)
    graph: Any = Context().run(partial(Graph, workers=lasting._workers))
    Context().run(graph.use_scope).register_singleton(marker)
    del graph, marker
    collect()
    assert is_alive() is not None
    del lasting
    collect()
    assert is_alive() is None


def test_a_request_goes_when_it_ends(graph: Graph) -> None:
    """A thread that was handed its scope has nothing of it afterwards."""
    settings = Marker()
    is_alive = ref(settings)
    with contexts.one_thread() as pool:
        with graph.scope("request") as request:
            request.register_singleton(settings)
            found = pool.submit(request.use_scope).result()
            assert found is graph.use_scope("__ididi_default_scope__")
        pool.submit(int).result()
        del request, settings
        collect()
        assert is_alive() is None


@counts_references
def test_a_context_goes_with_its_last_reference(graph: Graph) -> None:
    """Nothing of the shim's refers to contexts, and so to what else is in them."""
    variable: ContextVar[Marker] = ContextVar("variable")
    held = Marker()
    is_alive = ref(held)
    context = Context()
    context.run(variable.set, held)
    context.run(open_and_leave, graph)
    context.run(graph.use_scope)
    gc.disable()
    try:
        del held, context
        assert is_alive() is None
    finally:
        gc.enable()


def test_late_default_scopes_go_as_well() -> None:
    """Graphs that were built before activation are no exception."""
    ididi_scopefix.deactivate()
    built = [build() for _ in range(5)]
    assert ididi_scopefix.activate().state == "active"
    for graph, _ in built:
        assert Context().run(graph.use_scope)
    alive = [is_alive for _, is_alive in built]
    del graph, built
    collect()
    assert [each() for each in alive] == [None] * 5


@frees_functions
@pytest.mark.shim
def test_going_off_and_on_leaves_nothing_behind() -> None:
    """It is the same replacement each time."""
    before = ididi.graph._SCOPE_CONTEXT

    def switch(times: int) -> int:
        for _ in range(times):
            ididi_scopefix.deactivate()
            assert ididi.graph._SCOPE_CONTEXT is not before
            ididi_scopefix.activate()
            assert ididi.graph._SCOPE_CONTEXT is before
        collect()
        return len(gc.get_objects())

    switch(10)
    size = switch(1)
    assert switch(100) - size < 50


@sees_uncollectable
@pytest.mark.shim
@pytest.mark.child
def test_nothing_is_uncollectable() -> None:
    """Neither graphs nor scopes nor contexts end up in ``gc.garbage``."""
    import gc

    gc.set_debug(gc.DEBUG_UNCOLLECTABLE)
    import asyncio
    from contextvars import Context

    import ididi

    import ididi_scopefix

    def serve():
        graph = Context().run(ididi.Graph)
        with graph.scope():
            graph.use_scope()

        async def request():
            async with graph.ascope():
                graph.use_scope()

        asyncio.run(request())

    for _ in range(20):
        Context().run(serve)
    gc.collect()
    assert ididi_scopefix.status().fallbacks >= 20
    assert gc.garbage == []


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
            with pytest.raises(LookupError, match="idid_scope_ctx"):
                variable.get()

    Context().run(Repository().look)

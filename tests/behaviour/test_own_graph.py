"""A seed answers only for its own graph."""

import asyncio
import copy
import gc
from contextvars import Context
from functools import partial
from typing import Any

import ididi.graph
import pytest
from ididi import Graph, SyncScope
from ididi.config import DefaultScopeName
from ididi.errors import OutOfScopeError

import ididi_scopefix
from tests import children, contexts, shape


@pytest.fixture
def graphs(knows_graphs: bool) -> "tuple[Graph, Graph]":
    """Two graphs, each built in a context of its own."""
    if not knows_graphs:
        pytest.skip("compiled classes don't tell on which graph a call is made")
    return Context().run(Graph), Context().run(Graph)


def own(graph: Graph) -> SyncScope:
    """Return the default scope of *graph*, as a context of its own sees it."""
    return Context().run(graph.use_scope)


def request_of(graph: Graph) -> SyncScope:
    """Return a scope of *graph* that a context of its own has opened."""

    def open_request() -> SyncScope:
        with graph.scope("request") as request:
            assert request.pre is own(graph)
        return request

    return Context().run(open_request)


def test_graphs_have_default_scopes_of_their_own(
    graphs: "tuple[Graph, Graph]",
) -> None:
    """Whichever was built last."""
    first, second = graphs

    assert own(first) is own(first)
    assert own(second) is own(second)
    assert own(first) is not own(second)


def test_a_pool_thread_serves_one_graph_after_the_other(
    graphs: "tuple[Graph, Graph]",
) -> None:
    """The seed of the first is no answer for the second."""
    first, second = graphs
    with contexts.one_thread() as pool:
        for graph in (first, second, first, second):
            assert pool.submit(graph.use_scope).result() is own(graph)


def test_a_seed_of_another_graph_is_not_the_root_of_scopes(
    graphs: "tuple[Graph, Graph]",
) -> None:
    """Sync and async: the chain ends at the graph's own default scope."""
    first, second = graphs

    def request(graph: Graph) -> None:
        with graph.scope("outer") as outer, graph.scope("inner") as inner:
            assert inner.pre is outer
            assert outer.pre is own(graph)
            assert graph.use_scope(DefaultScopeName) is own(graph)
        assert graph.use_scope() is own(graph)

        async def main() -> None:
            async with graph.ascope() as scope:
                assert scope.pre is own(graph)

        asyncio.run(main())

    with contexts.one_thread() as pool:
        for graph in (first, second, first):
            pool.submit(request, graph).result()


def test_a_scope_seeds_for_its_own_graph(graphs: "tuple[Graph, Graph]") -> None:
    """A request's scope, used in a thread that served another graph."""
    first, second = graphs

    def work() -> None:
        assert first.use_scope() is own(first)
        with second.scope("request") as request:
            pass
        assert first.use_scope() is own(first)
        assert request.use_scope() is own(second)

    contexts.in_new_thread(work)


@shape.methods_only
def test_a_graph_that_does_not_inject_itself_has_its_own_scope_as_well() -> None:
    """Nothing leads from its scopes to the graph."""
    graph = Context().run(lambda: Graph(self_inject=False))
    graph.register_singleton(Context().run(Graph))

    assert contexts.in_new_thread(request_of(graph).use_scope) is own(graph)


@shape.methods_only
def test_a_seed_is_one_still_when_the_scope_that_needed_it_is_gone() -> None:
    """From the scope nothing leads to the graph, which does not inject itself."""
    graph = Context().run(lambda: Graph(self_inject=False))
    other, context = Context().run(Graph), Context()
    request = request_of(graph)
    assert context.run(request.use_scope) is own(graph)
    del request
    gc.collect()

    assert context.run(other.use_scope) is own(other)


@pytest.mark.shim
def test_a_deep_copy_of_a_graph_has_a_default_scope_of_its_own(
    knows_graphs: bool,
) -> None:
    """By a program that knows how to copy what can't be copied."""
    graph: Any = Context().run(lambda: Graph(self_inject=False))
    if not knows_graphs or not hasattr(graph, "__dict__"):
        pytest.skip("the graphs of this release have no __dict__")
    copied: Any = Graph.__new__(Graph)
    shared = {"_token", "_workers"}
    for name, value in vars(graph).items():
        setattr(copied, name, value if name in shared else copy.deepcopy(value))
    assert own(copied) is own(copied) is not own(graph)
    assert own(copied)._type_registry is copied._type_registry


@shape.methods_only
def test_a_scope_within_another_graph_s_finds_no_default_scope_of_that_graph() -> None:
    """Though the chain that it is part of ends there."""
    first, second = (Context().run(lambda: Graph(self_inject=False)) for _ in range(2))

    def open_request() -> SyncScope:
        with first.scope("outer"), second.scope("request") as request:
            return request

    request = Context().run(open_request)
    assert contexts.in_new_thread(request.use_scope) is own(second)


@shape.methods_only
def test_a_graph_need_not_have_a_truth_value() -> None:
    """A subclass may be an empty container, or raise."""

    def __bool__(self: Any) -> bool:  # noqa: N807
        raise TypeError("neither true nor false")

    parent: Any = Graph
    service = type("Service", (parent,), {"__bool__": __bool__})
    for options in ({}, {"self_inject": False}):
        graph = Context().run(partial(service, **options))
        assert own(graph) is own(graph)
    graph = Context().run(service)
    assert contexts.in_new_thread(request_of(graph).use_scope) is own(graph)


@shape.methods_only
def test_a_singleton_is_not_asked_for_its_class() -> None:
    """A proxy of what is not there yet may raise."""

    class Proxy:
        @property
        def __class__(self) -> Any:
            raise RuntimeError("working outside of application context")

    graph = Context().run(partial(Graph, self_inject=False))
    graph.register_singleton(Proxy())
    assert contexts.in_new_thread(request_of(graph).use_scope) is own(graph)


CLOSED = f"""{children.LISTEN}
from contextvars import Context
import ididi_scopefix, ididi
from ididi import Graph

class Closed(Graph):
    def __getattr__(self, name):
        raise KeyError(name)

    def __setattr__(self, name, value):
        if "scopefix" in name:
            raise RuntimeError("nobody puts anything into this one")
        super().__setattr__(name, value)
"""


def test_a_graph_need_not_let_its_default_scope_be_stored() -> None:
    """What a subclass makes of attributes is for the program, and is not asked."""
    children.run(
        CLOSED
        + """
def build():
    graph = Closed()
    return graph, graph.use_scope()

built = [Context().run(build) for _ in range(2)]
for graph, default in built:
    assert Context().run(ididi_scopefix.seed, graph) is default
assert Context().run(graph.use_scope) is default
ididi_scopefix.deactivate()
graph = Closed()
ididi_scopefix.activate()
default = graph.use_scope()
assert Context().run(ididi_scopefix.seed, graph) is default
late, _ = Context().run(build)
assert Context().run(late.use_scope) is Context().run(ididi_scopefix.seed, late)
assert warnings == [], warnings
"""
    )


def test_a_scope_of_a_graph_that_has_merged_another_belongs_to_the_first(
    graphs: "tuple[Graph, Graph]",
) -> None:
    """It injects the other one from then on."""
    first, second = graphs
    Context().run(second.merge, first)

    def open_request() -> SyncScope:
        with first.scope("outer"), second.scope("request") as request:
            assert request.resolve(Graph) is first
            return request

    request = Context().run(open_request)
    assert contexts.in_new_thread(request.use_scope) is own(second)


def test_a_seed_that_was_copied_is_a_seed_still(
    graphs: "tuple[Graph, Graph]",
) -> None:
    """A task starts in a copy of the seeded context it is made in."""
    first, second = graphs

    async def main() -> None:
        assert first.use_scope() is own(first)

        async def child() -> SyncScope:
            return second.use_scope()

        assert await asyncio.create_task(child()) is own(second)
        assert first.use_scope() is own(first)

    contexts.run_in_thread(main)


def test_a_scope_that_somebody_opened_is_no_seed(
    graphs: "tuple[Graph, Graph]",
) -> None:
    """Within it another graph finds it, as it would in ididi."""
    first, second = graphs

    def request() -> None:
        with first.scope("request") as scope:
            assert second.use_scope() is scope
            with second.scope("nested") as nested:
                assert nested.pre is scope
                assert second.use_scope(DefaultScopeName) is own(first)
            with pytest.raises(OutOfScopeError):
                second.use_scope("unknown")
        assert second.use_scope() is own(second)

    contexts.in_new_thread(request)


def test_a_graph_that_is_built_in_a_seeded_context_is_its_last(
    graphs: "tuple[Graph, Graph]",
) -> None:
    """What the building has left there is a scope that is left alone."""
    first, _ = graphs

    def work() -> None:
        assert first.use_scope() is own(first)
        built_here = Graph()
        assert first.use_scope() is own(built_here)

    contexts.in_new_thread(work)


def test_merging_asks_each_graph_for_its_own_scope(
    graphs: "tuple[Graph, Graph]",
) -> None:
    """A context that was seeded for one graph merges another."""
    first, second = graphs

    def work() -> None:
        assert first.use_scope() is own(first)
        first.merge(second)
        assert second.use_scope() is own(second)

    contexts.in_new_thread(work)


@shape.methods_only
def test_graphs_on_one_thread_pool_that_were_built_before_have_their_own() -> None:
    """While the shim was off, so that each is given its default scope late."""
    ididi_scopefix.deactivate()
    first = Context().run(Graph)
    second = Context().run(lambda: Graph(workers=first._workers))
    if not hasattr(first, "__dict__"):
        pytest.skip("the graphs of this release have no __dict__")
    ididi_scopefix.activate()
    for graph in (first, second):
        assert Context().run(graph.use_scope)._type_registry is graph._type_registry


def test_graphs_that_share_a_thread_pool() -> None:
    """Each has its own default scope, from 1.6.0 on; else the newest one's answers."""
    first = Context().run(Graph)
    of_first = own(first)

    def build() -> Any:
        return Graph(workers=first._workers), ididi.graph._SCOPE_CONTEXT.get()

    second, newest = Context().run(build)
    # Before 1.6.0 graphs store their default scope on the pool.
    expected = of_first if hasattr(first, "__dict__") else newest
    assert own(first) is expected
    assert own(second) is newest is not of_first

"""Graphs that were built before activation have one default scope as well."""

from contextvars import Context
from functools import partial
from typing import Any

import ididi.graph
import pytest
from ididi import Graph
from ididi.config import DefaultScopeName

import ididi_scopefix
from tests import contexts
from tests.shape import knows_graphs

with_and_without_self_inject = pytest.mark.parametrize("self_inject", [True, False])


@pytest.fixture(autouse=True)
def _inactive() -> None:
    """The shim is off until the test activates it."""
    ididi_scopefix.deactivate()


def build(**options: Any) -> Any:
    """Build a graph whose context nobody has any more."""
    return Context().run(partial(Graph, **options))


def activate() -> None:
    """Activate in a context that has no scope."""
    Context().run(ididi_scopefix.activate)


def open_request(graph: Any) -> Any:
    """Return a scope of *graph* that was opened where another graph was built."""

    def request() -> Any:
        Graph()
        with graph.scope("request") as scope:
            return scope

    return Context().run(request)


@with_and_without_self_inject
def test_a_graph_has_the_scope_of_the_context_it_was_built_in(
    self_inject: bool,
) -> None:
    """Activated there, also within an open scope, the shim finds the very scope."""

    def work() -> None:
        graph = Graph(self_inject=self_inject)
        default = ididi.graph._SCOPE_CONTEXT.get()
        default.register_singleton(Exception("kept by the program"))
        with graph.scope("outer"), graph.scope("inner"):
            ididi_scopefix.activate()
        for call in contexts.SYNC:
            assert call(graph.use_scope) is default

    Context().run(work)


@knows_graphs
@with_and_without_self_inject
@pytest.mark.parametrize("scope_first", [False, True])
def test_a_graph_built_elsewhere_gets_one_default_scope(
    self_inject: bool, scope_first: bool
) -> None:
    """Whoever needs it first, the graph or a scope of it, gets it for both."""
    graph = build(self_inject=self_inject)
    request = open_request(graph)
    build()
    activate()
    order = (request, graph) if scope_first else (graph, request)
    first, second = (contexts.in_new_thread(each.use_scope) for each in order)
    assert first.name == DefaultScopeName
    assert first is second
    assert first._type_registry is graph._type_registry
    for call in contexts.SYNC:
        assert call(graph.use_scope) is first


@knows_graphs
def test_a_late_default_scope_has_nothing_of_a_request() -> None:
    """It is what ``Graph.__init__`` makes, though a request's scope needs it first."""

    class Settings:
        pass

    class Collected:
        pass

    graph = build()
    graph.register_singleton(Collected())
    request = open_request(graph)
    request.register_singleton(Settings())
    activate()
    default = contexts.in_new_thread(request.use_scope)
    for each in (Settings, Collected):
        assert each not in default._resolved_singletons
        assert not default.is_registered_singleton(each)
    ordinary = Context().run(lambda: Graph().use_scope())
    registered = [each.is_registered_singleton(Graph) for each in (default, ordinary)]
    assert registered[0] == registered[1]


@knows_graphs
def test_a_late_default_scope_injects_its_own_graph() -> None:
    """A graph that was merged is not taken for it, and a subclass is found by both."""
    parent: Any = Graph

    class Service(parent):  # type: ignore[misc]
        pass

    for kind in (Graph, Service):
        graph = Context().run(build_and_merge, kind)
        activate()
        default = Context().run(graph.use_scope)
        for each in (kind, Graph):
            assert default.resolve(each) is graph
        ididi_scopefix.deactivate()


def build_and_merge(kind: Any) -> Any:
    """Return a graph that has merged another one in the context it was built in."""
    graph = kind()
    graph.merge(Graph())
    return graph


@knows_graphs
def test_an_open_scope_is_not_taken_for_a_default_scope() -> None:
    """In ididi 1.8.4 a scope that was opened before activation can have no parent."""
    graph = build()

    def work() -> Any:
        scope = graph._create_scope("request")
        ididi.graph._SCOPE_CONTEXT.set(scope)
        ididi_scopefix.activate()
        return scope

    scope = Context().run(work)
    default = Context().run(graph.use_scope)
    assert default is not scope
    assert default.name == DefaultScopeName


class Stranger:
    """A stranger raises when it is looked at."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


def test_a_stranger_in_the_variable_is_no_obstacle() -> None:
    """It stays where it is, and nobody's default scope is looked for in it."""
    graph = build()
    stranger: Any = Stranger()

    def work() -> None:
        ididi.graph._SCOPE_CONTEXT.set(stranger)
        assert ididi_scopefix.activate().state != "failed"
        assert ididi.graph._SCOPE_CONTEXT.get() is stranger
        ididi.graph._SCOPE_CONTEXT.set(stranger)  # while the shim is active, too
        assert graph.use_scope() is stranger

    Context().run(work)
    assert Context().run(graph.use_scope).name == DefaultScopeName

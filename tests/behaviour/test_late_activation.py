"""Graphs that were built before activation work, too."""

from __future__ import annotations

from contextvars import Context
from typing import Any

import ididi.graph
import pytest
from ididi import Graph
from ididi.config import DefaultScopeName

import ididi_scopefix
from tests import children, shape

BUILT_BEFORE = """
import gc, os
from contextvars import Context

# A start-up file would have activated the shim by now.
switch = os.environ.pop("IDIDI_SCOPEFIX", "")
os.environ["IDIDI_SCOPEFIX"] = "0"
import ididi_scopefix

import ididi, ididi.graph
from ididi import Graph
from ididi.config import DefaultScopeName
from tests import contexts

assert ididi_scopefix.status().state == "disabled"

def activate():
    os.environ["IDIDI_SCOPEFIX"] = switch
    assert ididi_scopefix.activate().state == "active"
"""


@pytest.mark.shim
@pytest.mark.parametrize("graph", ["Graph()", "Graph(self_inject=False)"])
def test_a_graph_built_before_activation_has_its_scope_everywhere(graph: str) -> None:
    """The very scope that the context it was built in has."""
    children.run(
        BUILT_BEFORE
        + f"graph = {graph}"
        + """
default = ididi.graph._SCOPE_CONTEXT.get()
activate()
for call in contexts.SYNC:
    assert call(graph.use_scope) is default
def request():
    with graph.scope("request") as scope:
        assert scope.pre is default
contexts.in_new_thread(request)
"""
    )


@pytest.mark.shim
def test_a_graph_built_before_keeps_its_scope_though_another_is_built_here() -> None:
    """With what the program has put into it; the context has the other one's now."""
    children.run(
        BUILT_BEFORE
        + """
class Settings: ...
graph = Graph()
graph.use_scope().register_singleton(Settings())
activate()
Graph(self_inject=False)
gc.collect()
default = contexts.in_new_thread(lambda: ididi_scopefix.seed(graph))
assert default.is_registered_singleton(Settings)
"""
    )


@pytest.mark.shim
def test_activation_within_a_scope_finds_the_default_scope_too() -> None:
    """As when the first import happens while a scope is open."""
    children.run(
        BUILT_BEFORE
        + """
graph = Graph()
default = graph.use_scope()
with graph.scope("outer"), graph.scope("inner"):
    activate()
assert contexts.in_new_thread(graph.use_scope) is default
"""
    )


@shape.methods_only
@pytest.mark.shim
def test_a_scope_without_a_parent_is_no_default_scope() -> None:
    """Activated within one, the shim does not hand it to other contexts."""
    ididi_scopefix.deactivate()
    graph = Context().run(Graph)
    create: Any = graph

    def request() -> Any:
        scope = create._create_scope("request")
        ididi.graph._SCOPE_CONTEXT.set(scope)
        assert ididi_scopefix.activate().state == "active"
        return scope

    scope = Context().run(request)
    default = Context().run(graph.use_scope)
    assert default is not scope
    assert default.name == DefaultScopeName


class Stranger:
    """What raises when it is looked at."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


@pytest.mark.shim
@pytest.mark.parametrize("kind", [object, Stranger])
def test_a_stranger_in_the_variable_is_no_obstacle_to_activating(
    graph: Graph, default_scope: Any, kind: type
) -> None:
    """It stays, and nobody's default scope is found there."""
    stranger = kind()

    def activate() -> None:
        ididi.graph._SCOPE_CONTEXT.set(stranger)
        assert ididi_scopefix.activate().state == "active"
        assert ididi.graph._SCOPE_CONTEXT.get() is stranger

    ididi_scopefix.deactivate()
    Context().run(activate)
    assert Context().run(graph.use_scope) is default_scope


@pytest.mark.shim
def test_a_graph_built_in_another_context_gets_one_default_scope() -> None:
    """Nobody can find its own any more; it gets one, on its first need."""
    children.run(
        BUILT_BEFORE
        + """
graph = Context().run(Graph)
activate()
first = contexts.in_new_thread(graph.use_scope)
assert first.name == DefaultScopeName
for call in contexts.SYNC:
    assert call(graph.use_scope) is first
assert first.resolve(Graph) is graph
ordinary = Context().run(lambda: Graph().use_scope())
assert first.is_registered_singleton(Graph) == ordinary.is_registered_singleton(Graph)
"""
    )


@pytest.mark.shim
@pytest.mark.parametrize("order", ["graph, request", "request, graph"])
@pytest.mark.parametrize("graph", ["Graph()", "Graph(self_inject=False)"])
def test_a_scope_of_a_graph_built_before_shares_its_default_scope(
    order: str, graph: str
) -> None:
    """Whichever of the two needs it first, and if nothing leads from one to the other."""
    children.run(
        BUILT_BEFORE
        + f"""
graph = Context().run(lambda: {graph})
def open_request():
    Graph()
    with graph.scope("request") as request:
        return request
request = Context().run(open_request)
activate()
default, same = (contexts.in_new_thread(each.use_scope) for each in ({order}))
assert default.name == DefaultScopeName
assert same is default
"""
    )


@pytest.mark.shim
def test_a_default_scope_made_late_has_nothing_of_a_request() -> None:
    """Though it is the scope of a request that needs it first."""
    children.run(
        BUILT_BEFORE
        + """
class Settings: ...
class Collected: ...

graph = Context().run(Graph)
graph.register_singleton(Collected())
activate()

def open_request():
    ididi.graph._SCOPE_CONTEXT.set(other.use_scope())
    with graph.scope("request") as request:
        request.register_singleton(Settings())
    return request

other = Context().run(Graph)
request = Context().run(open_request)
default = contexts.in_new_thread(request.use_scope)
for each in (Settings, Collected):
    assert each not in default.resolution_registry
    assert not default.is_registered_singleton(each)
"""
    )


@pytest.mark.shim
def test_a_default_scope_made_late_injects_its_graph_and_none_that_it_has_merged() -> (
    None
):
    """The one that the building of a graph has made does, too."""
    children.run(
        BUILT_BEFORE
        + """
class Service(Graph): ...

def build(kind):
    graph = kind()
    graph.merge(Graph())
    return graph

graphs = [Context().run(build, kind) for kind in (Graph, Service)]
activate()
for graph in graphs:
    default = Context().run(ididi_scopefix.seed, graph)
    for each in (type(graph), Graph):
        assert default.resolve(each) is graph, each
"""
    )


@pytest.mark.shim
def test_a_graph_that_does_not_inject_itself_gets_a_scope_without_it() -> None:
    """As its own default scope would be."""
    children.run(
        BUILT_BEFORE
        + """
graph = Context().run(lambda: Graph(self_inject=False))
activate()
default = contexts.in_new_thread(graph.use_scope)
assert default.name == DefaultScopeName
assert Graph not in default.resolution_registry
other = Context().run(lambda: Graph(self_inject=False))
def open_request():
    Graph()
    with other.scope("request") as request:
        return request
request = Context().run(open_request)
assert contexts.in_new_thread(request.use_scope).name == DefaultScopeName
"""
    )


@pytest.mark.skipif(
    not shape.has_mutable_classes(), reason="what compiled classes do can't be changed"
)
@pytest.mark.shim
def test_a_default_scope_that_can_not_be_made_is_one_warning() -> None:
    """And LookupError, as in plain ididi."""
    finished = children.run(
        BUILT_BEFORE
        + """
graph = Context().run(Graph)
activate()
def fail(self, *args):
    raise RuntimeError("no scope")
ididi.graph.Resolver._create_scope = fail
for _ in range(2):
    try:
        Context().run(graph.use_scope)
    except LookupError:
        print("LookupError")
"""
    )
    assert finished.stdout == "LookupError\n" * 2
    warning = "could not seed a context; ididi answers as without ididi-scopefix\n"
    assert finished.stderr.startswith(warning)
    assert finished.stderr.count(warning) == 1


@pytest.mark.skipif(
    not shape.has_mutable_classes(), reason="compiled methods can't be wrapped"
)
@pytest.mark.shim
def test_a_wrapped_method_is_no_obstacle_to_activating_late() -> None:
    """The release is known, so nothing has to be tried out."""
    children.run(
        BUILT_BEFORE
        + """
method = ididi.graph.Resolver.use_scope
ididi.graph.Resolver.use_scope = lambda self, *args, **kwargs: method(self, *args, **kwargs)
graph = Context().run(Graph)
activate()
assert Context().run(graph.use_scope).name == DefaultScopeName
"""
    )

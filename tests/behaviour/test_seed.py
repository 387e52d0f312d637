"""``seed()`` puts a default scope into a context, for people who like it explicit."""

from contextvars import Context
from functools import partial
from typing import Any

import ididi.graph
import pytest
from ididi import Graph, SyncScope
from ididi.config import DefaultScopeName

import ididi_scopefix
from tests import contexts


def what_is_there() -> Any:
    """Return what the variable has in this context, or ``None``."""
    variable: Any = ididi.graph._SCOPE_CONTEXT
    return variable.get(None)


@pytest.mark.shim
def test_seeding_needs_no_fallback(graph: Graph, default_scope: SyncScope) -> None:
    """It returns the default scope each time, and calls there are not counted."""
    before = ididi_scopefix.status().fallbacks
    context = Context()
    for _ in range(2):
        assert context.run(ididi_scopefix.seed, graph) is default_scope
    assert len(context) == 1
    assert context.run(graph.use_scope) is default_scope
    assert context.run(what_is_there) is default_scope
    assert ididi_scopefix.status().fallbacks == before


@pytest.mark.shim
def test_a_seed_is_the_scope_of_all_graphs_there(graph: Graph) -> None:
    """The context has a scope then, and ididi asks for no other."""
    other = Context().run(Graph)
    context = Context()
    seeded = context.run(ididi_scopefix.seed, graph)
    assert context.run(other.use_scope) is seeded
    assert context.run(ididi_scopefix.seed, other) is not seeded
    assert context.run(what_is_there) is seeded


def test_an_open_scope_is_not_replaced(graph: Graph, default_scope: SyncScope) -> None:
    """The default scope is returned all the same."""

    def request() -> None:
        with graph.scope() as scope:
            assert ididi_scopefix.seed(graph) is default_scope
            assert graph.use_scope() is scope

    contexts.in_new_thread(request)


@pytest.mark.unchanged
@pytest.mark.parametrize("wrong", [None, "graph", object(), dict, Graph])
def test_seeding_for_something_else_says_what_it_takes(wrong: Any) -> None:
    """The error is one line, which names what is wanted."""
    with pytest.raises(TypeError, match=r"^seed\(\) takes the ididi\.Graph .*$"):
        ididi_scopefix.seed(wrong)


@pytest.mark.unchanged
@pytest.mark.child
def test_seeding_before_the_import_says_what_it_takes() -> None:
    """There is no graph yet that it could be given."""
    import ididi_scopefix

    message = ""
    try:
        ididi_scopefix.seed(None)
    except TypeError as error:
        message = str(error)
    assert "ididi.Graph" in message


@pytest.mark.unchanged
def test_seeding_while_the_shim_is_off_changes_no_context() -> None:
    """Each graph's own default scope is returned, the same each time."""
    ididi_scopefix.deactivate()
    graphs = [Graph(), Graph(), Context().run(Graph)]
    scopes = [Context().run(ididi_scopefix.seed, graph) for graph in graphs]
    for graph, scope in zip(graphs, scopes):
        assert scope.name == DefaultScopeName
        assert scope._type_registry is graph._type_registry
        assert contexts.in_new_thread(partial(ididi_scopefix.seed, graph)) is scope
        context = Context()
        assert context.run(ididi_scopefix.seed, graph) is scope
        assert len(context) == 0
    latest = Graph()
    assert ididi_scopefix.seed(latest) is what_is_there()

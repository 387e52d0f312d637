"""Where compiled methods don't tell which graph is asked, the newest graph answers."""

from contextvars import Context
from functools import partial
from typing import Any

import ididi.graph
import pytest
from ididi import Graph, SyncScope

import ididi_scopefix
from tests.pythons import collect
from tests.shape import is_compiled

pytestmark = pytest.mark.skipif(
    not is_compiled(), reason="methods written in Python tell which graph is asked"
)

BaseGraph: Any = Graph


@pytest.fixture(autouse=True)
def _no_other_graphs() -> None:
    """No graph of another test waits for the collector, and could answer."""
    collect()


def test_the_graph_built_last_answers(graph: Graph, default_scope: SyncScope) -> None:
    """It would do so in the context in which ididi has built them all."""
    newest = Graph()
    of_newest = newest.use_scope()
    assert Context().run(graph.use_scope) is of_newest is not default_scope
    context = Context()
    assert context.run(newest.use_scope) is of_newest
    even_newer = Graph()
    assert context.run(graph.use_scope) is even_newer.use_scope()


def test_a_graph_that_is_gone_answers_no_more(graph: Graph, default_scope: Any) -> None:
    """The one built before it does, and the newest was not kept alive."""
    newest = Context().run(Graph)
    assert Context().run(graph.use_scope) is not default_scope
    del newest
    collect()
    assert Context().run(graph.use_scope) is default_scope


def test_a_default_scope_set_once_more_makes_no_newest(graph: Graph) -> None:
    """Programs do so by hand, and ididi does when a scope is left."""
    default: Any = graph.use_scope()
    newest = Context().run(Graph)
    variable: Any = ididi.graph._SCOPE_CONTEXT
    Context().run(variable.set, default)
    with graph.scope():
        pass
    assert Context().run(graph.use_scope)._workers is newest._workers


@pytest.mark.parametrize("collected", [False, True])
@pytest.mark.shim
@pytest.mark.child
def test_the_newest_of_the_graphs_built_before_answers(collected: bool) -> None:
    """It is found in whichever of the collector's generations it is."""
    import gc
    from contextvars import Context

    from ididi import Graph

    import ididi_scopefix

    ididi_scopefix.deactivate()
    graphs = [Context().run(Graph)]
    gc.collect()
    gc.disable()
    graphs.append(Context().run(Graph))
    if collected:
        gc.collect()
    ididi_scopefix.activate()
    found = Context().run(graphs[0].use_scope)
    assert found.resolve(Graph) is graphs[1]


def test_the_order_holds_while_the_shim_is_off() -> None:
    """A graph that was known before is not the newest for being activated again."""
    graphs = [Context().run(Graph) for _ in range(3)]
    ididi_scopefix.deactivate()
    Context().run(ididi_scopefix.activate)
    newest: Any = Context().run(graphs[0].use_scope)
    assert newest._workers is graphs[-1]._workers


def test_an_older_graph_on_the_same_pool_answers_again() -> None:
    """Each graph has its own default scope there, though both are on one pool."""
    service = type("Service", (BaseGraph,), {})
    first: Any = Context().run(service)
    second: Any = Context().run(partial(service, workers=first._workers))
    found = Context().run(first.use_scope)
    assert found._type_registry is second._type_registry
    default = Context().run(ididi_scopefix.seed, first)
    assert default._type_registry is first._type_registry


@pytest.mark.shim
@pytest.mark.child
def test_without_a_graph_the_variable_is_empty() -> None:
    """Who reads it then gets what plain ididi gives, and nothing is counted."""
    import gc
    from contextvars import Context

    import ididi.graph

    import ididi_scopefix

    gc.collect()
    variable = ididi.graph._SCOPE_CONTEXT
    assert Context().run(variable.get, None) is None
    error = None
    try:
        Context().run(lambda: variable.get())
    except LookupError as raised:
        error = raised
    assert type(error) is LookupError
    assert ididi_scopefix.status().state == "active"
    assert ididi_scopefix.status().fallbacks == 0

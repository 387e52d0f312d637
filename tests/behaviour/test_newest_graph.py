"""Where calls don't tell on which graph they are made, the newest graph answers."""

from __future__ import annotations

from contextvars import Context
from typing import TYPE_CHECKING, Any

import pytest
from ididi import Graph

import ididi_scopefix
from tests import children
from tests.pythons import collect
from tests.shape import compiled_only

if TYPE_CHECKING:
    from ididi import SyncScope


@compiled_only
def test_the_graph_built_last_answers(graph: Graph, default_scope: SyncScope) -> None:
    """Compiled releases: as in the context in which ididi built them all."""
    newest = Graph()
    of_newest = newest.use_scope()

    assert Context().run(graph.use_scope) is of_newest
    context = Context()
    assert context.run(newest.use_scope) is of_newest
    even_newer = Graph()
    assert context.run(graph.use_scope) is even_newer.use_scope()


@compiled_only
@pytest.mark.shim
@pytest.mark.parametrize("collect", ["gc.disable()", "gc.collect()"])
def test_the_newest_of_the_graphs_built_before_answers(collect: str) -> None:
    """Whichever of the collector's generations they are in."""
    children.run(
        f"""
        import gc
        from contextvars import Context
        import ididi_scopefix
        from ididi import Graph
        ididi_scopefix.deactivate()
        graphs = [Context().run(Graph)]
        gc.collect()
        gc.disable()
        graphs.append(Context().run(Graph))
        {collect}
        ididi_scopefix.activate()
        found = Context().run(graphs[0].use_scope)
        assert found.resolve(Graph) is graphs[1]
        """
    )


@compiled_only
def test_a_newer_graph_answers_though_it_was_built_while_the_shim_was_off() -> None:
    """And the older one while it was on."""
    first = Context().run(Graph)
    ididi_scopefix.deactivate()
    second = Context().run(Graph)
    Context().run(ididi_scopefix.activate)
    found = Context().run(first.use_scope)
    assert found._workers is second._workers is not first._workers


def test_a_graph_built_while_the_shim_was_off_does_not_change_the_order() -> None:
    """The graphs that were built before are known after a new activation."""
    graphs = [Context().run(Graph) for _ in range(3)]
    ididi_scopefix.deactivate()
    Context().run(ididi_scopefix.activate)
    newest = Context().run(graphs[-1].use_scope)
    assert newest._workers is graphs[-1]._workers


@compiled_only
def test_a_scope_of_an_older_graph_does_not_make_it_the_newest() -> None:
    """Whose scopes are set into the variable, as default scopes are."""
    ididi_scopefix.deactivate()
    context = Context()
    first = context.run(Graph)
    Context().run(ididi_scopefix.activate)
    second = Context().run(Graph)

    def request() -> None:
        with first.scope():
            pass

    context.run(request)
    assert Context().run(first.use_scope)._workers is second._workers


@compiled_only
def test_an_older_graph_answers_when_the_newest_on_its_thread_pool_has_gone() -> None:
    """A subclass has a ``__dict__``, and its seed need not be stored on the pool."""
    parent: Any = Graph
    service = type("Service", (parent,), {})
    first = Context().run(service)
    Context().run(lambda: service(workers=first._workers))
    collect()
    assert Context().run(first.use_scope)._type_registry is first._type_registry


@compiled_only
@pytest.mark.shim
def test_without_a_graph_the_variable_is_empty_and_nobody_is_warned() -> None:
    """Who reads it then gets what plain ididi gives."""
    finished = children.run(
        """
        import gc
        from contextvars import Context
        import pytest
        import ididi_scopefix, ididi.graph
        gc.collect()
        with pytest.raises(LookupError) as raised:
            Context().run(lambda: ididi.graph._SCOPE_CONTEXT.get())
        assert raised.type is LookupError
        assert ididi_scopefix.status().seeded == 0
        """
    )
    assert finished.stderr == ""

"""``activate()`` and ``deactivate()`` are each other's inverse."""

from contextvars import Context, ContextVar, copy_context
from typing import Any

import ididi.graph
import pytest
from ididi import Graph, SyncScope

import ididi_scopefix
from tests import contexts
from tests.shape import is_compiled


def raises(graph: Graph, context: Context) -> bool:
    """Tell whether *graph* has the bug in *context*."""
    try:
        context.run(graph.use_scope)
    except LookupError:
        return True
    return False


@pytest.mark.shim
def test_deactivating_brings_the_bug_back(graph: Graph) -> None:
    """It does so in contexts and threads that were answered, as often as one likes."""
    context = Context()
    with contexts.one_thread() as pool:
        for _ in range(3):
            for _ in range(2):  # twice is no more than once
                assert ididi_scopefix.activate().state == "active"
                assert not raises(graph, context)
                assert pool.submit(graph.use_scope).result()
            for _ in range(2):
                assert ididi_scopefix.deactivate().state == "disabled"
                assert raises(graph, context)
                assert raises(graph, context.run(copy_context))
                with pytest.raises(LookupError):
                    pool.submit(graph.use_scope).result()


def test_graphs_keep_their_default_scopes_while_it_is_off(
    graph: Graph, default_scope: SyncScope
) -> None:
    """``activate()`` gives each graph the default scope that it had."""
    graphs = [graph]
    if not is_compiled():  # there, the graph built last would answer for both
        graphs.append(Context().run(Graph))
    expected = [Context().run(each.use_scope) for each in graphs]
    assert expected[0] is default_scope
    for _ in range(2):
        ididi_scopefix.deactivate()
        seeds = [Context().run(ididi_scopefix.seed, each) for each in graphs]
        assert seeds == expected
        Context().run(ididi_scopefix.activate)
        assert [Context().run(each.use_scope) for each in graphs] == expected


def test_a_scope_that_is_open_closes_when_it_is_off(
    graph: Graph, default_scope: SyncScope
) -> None:
    """Within it everything is found as before, and afterwards the context is empty."""

    async def request() -> None:
        async with graph.ascope("outer") as outer:
            with graph.scope("inner") as inner:
                ididi_scopefix.deactivate()
                assert graph.use_scope() is inner
                assert graph.use_scope(default_scope.name) is default_scope
            assert graph.use_scope() is outer
        assert ididi.graph._SCOPE_CONTEXT.get(None) is None

    contexts.run_in_thread(request)


def all_names() -> "dict[str, object]":
    """Return what the names in ididi's module and in its classes are bound to."""
    places = [ididi.graph, Graph, SyncScope, ididi.graph.Resolver]
    return {
        f"{place.__name__}.{name}": value
        for place in places
        for name, value in vars(place).items()
    }


@pytest.mark.shim
def test_one_name_is_replaced_and_put_back() -> None:
    """Off, ididi is what it was, the very objects; on, the replacement is the same."""
    replacement = ididi.graph._SCOPE_CONTEXT
    ididi_scopefix.deactivate()
    plain = all_names()
    assert type(ididi.graph._SCOPE_CONTEXT) is ContextVar
    for _ in range(2):
        ididi_scopefix.activate()
        active = all_names()
        assert active.keys() == plain.keys()
        changed = [name for name in plain if active[name] is not plain[name]]
        assert changed == ["ididi.graph._SCOPE_CONTEXT"]
        assert ididi.graph._SCOPE_CONTEXT is replacement
        ididi_scopefix.deactivate()
        assert all_names() == plain


@pytest.mark.shim
def test_a_replacement_put_back_by_others_does_not_answer(graph: Graph) -> None:
    """The undo of ``monkeypatch`` may do so after ``deactivate()``."""
    assert not raises(graph, Context())
    patch = pytest.MonkeyPatch()
    variable: Any = ididi.graph._SCOPE_CONTEXT
    patch.setattr(ididi.graph, "_SCOPE_CONTEXT", variable)
    ididi_scopefix.deactivate()
    patch.undo()
    assert ididi.graph._SCOPE_CONTEXT is variable
    assert raises(graph, Context())
    assert ididi_scopefix.status().state == "disabled"
    ididi_scopefix.activate()
    assert not raises(graph, Context())


@pytest.mark.unchanged
def test_the_variable_does_what_a_variable_does(graph: Graph) -> None:
    """Some programs set and reset it by hand, which is the usual workaround."""
    variable: Any = ididi.graph._SCOPE_CONTEXT
    scope: Any = graph.use_scope()
    assert variable.name == "idid_scope_ctx"
    assert repr(variable).startswith("<ContextVar")

    def request() -> None:
        token = variable.set(scope)
        assert variable.get() is variable.get(None) is graph.use_scope() is scope
        with graph.scope() as opened:
            assert opened.pre is scope
        variable.reset(token)
        assert variable.get(None) is None

    Context().run(request)

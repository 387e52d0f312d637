"""``activate()`` and ``deactivate()`` are each other's inverse."""

from contextvars import Context, ContextVar, copy_context
from typing import Any

import ididi.graph
import pytest
from ididi import Graph, SyncScope

import ididi_scopefix
from tests import contexts
from tests.shape import is_compiled, knows_graphs


def raises(graph: Graph, context: "Context | None" = None) -> bool:
    """Tell whether *graph* has the bug."""
    try:
        (context or Context()).run(graph.use_scope)
    except LookupError:
        return True
    return False


@pytest.mark.shim
def test_deactivating_brings_the_bug_back(graph: Graph) -> None:
    """It goes off and on as often as one likes, and twice is no more than once."""
    for _ in range(3):
        for _ in range(2):
            assert ididi_scopefix.activate().state == "active"
            assert not raises(graph)
        for _ in range(2):
            assert ididi_scopefix.deactivate().state == "disabled"
            assert raises(graph)


@pytest.mark.shim
def test_deactivating_ends_it_in_contexts_that_were_served(graph: Graph) -> None:
    """Threads, contexts and their copies that were served raise from then on."""
    others = [graph, Context().run(Graph)]
    context = Context()
    with contexts.one_thread() as pool:
        for each in others:
            context.run(each.use_scope)
            pool.submit(each.use_scope).result()
        ididi_scopefix.deactivate()
        for each in others:
            assert raises(each, context)
            assert raises(each, context.run(copy_context))
            with pytest.raises(LookupError):
                pool.submit(each.use_scope).result()


def test_graphs_keep_their_default_scopes_while_it_is_off(
    graph: Graph, default_scope: SyncScope
) -> None:
    """``activate()`` gives each graph the default scope that it had."""
    graphs = [graph]
    if not is_compiled():  # there, the graph built last would answer for both
        graphs.append(Context().run(Graph))
    expected = [Context().run(each.use_scope) for each in graphs]
    for _ in range(2):
        ididi_scopefix.deactivate()
        Context().run(ididi_scopefix.activate)
        assert [Context().run(each.use_scope) for each in graphs] == expected
    assert expected[0] is default_scope


def test_a_scope_that_is_open_closes_when_it_is_off(
    graph: Graph, default_scope: SyncScope
) -> None:
    """Within it everything is found as before, and afterwards the context is empty."""

    async def request() -> "list[Any]":
        async with graph.ascope("outer") as outer:
            with graph.scope("inner") as inner:
                ididi_scopefix.deactivate()
                assert graph.use_scope() is inner
                assert graph.use_scope(default_scope.name) is default_scope
            assert graph.use_scope() is outer
        assert ididi.graph._SCOPE_CONTEXT.get(None) is None
        return []

    contexts.run_in_thread(request)


@pytest.mark.shim
def test_one_name_is_replaced_and_put_back() -> None:
    """Afterwards ididi's own variable is there, the very object."""
    ididi_scopefix.deactivate()
    plain = dict(vars(ididi.graph))
    ididi_scopefix.activate()
    active = dict(vars(ididi.graph))
    assert [name for name in plain if active[name] is not plain[name]] == [
        "_SCOPE_CONTEXT"
    ]
    assert type(plain["_SCOPE_CONTEXT"]) is ContextVar
    ididi_scopefix.deactivate()
    assert ididi.graph._SCOPE_CONTEXT is plain["_SCOPE_CONTEXT"]


@pytest.mark.shim
def test_a_replacement_put_back_by_others_does_not_answer(graph: Graph) -> None:
    """The undo of ``monkeypatch`` may do so after ``deactivate()``."""
    assert not raises(graph)
    patch = pytest.MonkeyPatch()
    variable: Any = ididi.graph._SCOPE_CONTEXT
    patch.setattr(ididi.graph, "_SCOPE_CONTEXT", variable)
    ididi_scopefix.deactivate()
    patch.undo()
    assert ididi.graph._SCOPE_CONTEXT is variable
    assert raises(graph)
    assert ididi_scopefix.status().state == "disabled"
    ididi_scopefix.activate()
    assert not raises(graph)


@pytest.mark.unchanged
@knows_graphs
def test_methods_classes_and_managers_are_ididi_s_own(graph: Graph) -> None:
    """Signatures, pickles, mocks and wrappers of others are as without the shim."""
    methods = [
        getattr(graph_class, name)
        for graph_class in (ididi.graph.Graph, ididi.graph.SyncScope)
        for name in ("scope", "ascope", "use_scope", "__init__")
    ]
    managers = [type(graph.scope()), type(graph.ascope())]
    before = [*map(id, methods), *map(id, managers)]
    assert {each.__module__ for each in methods} == {"ididi.graph"}
    assert {each.__module__ for each in managers} == {"contextlib"}
    ididi_scopefix.deactivate()
    plain: Any = [
        getattr(graph_class, name)
        for graph_class in (ididi.graph.Graph, ididi.graph.SyncScope)
        for name in ("scope", "ascope", "use_scope", "__init__")
    ]
    plain += [type(graph.scope()), type(graph.ascope())]
    assert [*map(id, plain)] == before


@pytest.mark.unchanged
def test_the_variable_does_what_a_variable_does(graph: Graph) -> None:
    """Some programs set and reset it by hand, which is the usual workaround."""
    variable: Any = ididi.graph._SCOPE_CONTEXT
    scope: Any = graph.use_scope()
    assert variable.name == "idid_scope_ctx"
    assert repr(variable).startswith("<ContextVar")

    def request() -> None:
        default = object()
        with pytest.raises(LookupError):
            variable.get()  # who is no graph finds nothing, as ever
        assert variable.get(default) is default
        token = variable.set(scope)
        assert variable.get() is variable.get(default) is graph.use_scope() is scope
        with graph.scope() as opened:
            assert opened.pre is scope
        variable.reset(token)
        assert variable.get(None) is None

    if is_compiled() and ididi_scopefix.status().state == "active":
        pytest.skip("who asks is unknown there, and the graph built last answers")
    Context().run(request)


@pytest.mark.shim
@pytest.mark.child
def test_it_waits_for_ididi_until_it_is_deactivated() -> None:
    """Before ididi is imported the two arm and disarm."""
    import sys
    from contextvars import Context

    import ididi_scopefix

    ididi_scopefix.deactivate()
    ididi_scopefix.activate()
    finders = list(sys.meta_path)
    assert ididi_scopefix.activate().state == "waiting"
    assert sys.meta_path == finders
    assert ididi_scopefix.deactivate().state == "disabled"

    import ididi

    graph = ididi.Graph()
    assert ididi_scopefix.status().state == "disabled"
    failed = False
    try:
        Context().run(graph.use_scope)
    except LookupError:
        failed = True
    assert failed
    assert ididi_scopefix.activate().state == "active"
    assert Context().run(graph.use_scope) is graph.use_scope()


@pytest.mark.shim
@pytest.mark.parametrize("name", ["ididi", "ididi.graph"])
@pytest.mark.child
def test_an_import_after_the_shim_s_is_patched(name: str) -> None:
    """The state changes with the import, whichever module is asked for."""
    import importlib
    from contextvars import Context

    import ididi_scopefix

    assert ididi_scopefix.status().state == "waiting"
    module = importlib.import_module(name)
    assert ididi_scopefix.status().state == "active"
    graph = module.Graph()
    assert Context().run(graph.use_scope) is graph.use_scope()


@pytest.mark.shim
@knows_graphs
@pytest.mark.child
def test_a_reloaded_module_is_patched_again() -> None:
    """It stays the same object, and gets new classes and a new variable."""
    import importlib
    from contextvars import Context

    import ididi.graph

    import ididi_scopefix

    before = ididi.graph._SCOPE_CONTEXT
    importlib.reload(ididi.graph)
    assert ididi_scopefix.status().state == "active"
    assert ididi.graph._SCOPE_CONTEXT is not before
    graph = ididi.graph.Graph()
    assert Context().run(graph.use_scope) is graph.use_scope()

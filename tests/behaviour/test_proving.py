"""While the shim is activated: what the patch is proved with is nobody else's."""

from __future__ import annotations

import asyncio
import gc
from contextvars import Context
from threading import Thread
from typing import TYPE_CHECKING, Any

import ididi.graph
import pytest
from ididi import Graph

import ididi_scopefix
from tests import children, shape
from tests.pythons import frees_functions
from tests.races.threads import run_at_once

if TYPE_CHECKING:
    from collections.abc import Iterator

mutable = pytest.mark.skipif(
    not shape.has_mutable_classes(),
    reason="the methods of compiled classes can't be replaced",
)


@pytest.fixture
def inactive() -> Iterator[None]:
    """The shim switched off, and on again afterwards."""
    ididi_scopefix.deactivate()
    yield
    ididi_scopefix.deactivate()
    ididi_scopefix.activate()


def default_scope_of(graph: Graph) -> Any:
    return Context().run(graph.use_scope)


@pytest.mark.usefixtures("inactive")
@pytest.mark.shim
def test_a_graph_that_is_built_meanwhile_keeps_its_default_scope(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In another thread, while this one activates."""
    found: list[Any] = []

    def build() -> None:
        graph = Graph()
        found.extend([graph, ididi.graph._SCOPE_CONTEXT.get()])

    class Pool(ididi.graph.ThreadPoolExecutor):  # type: ignore[misc, name-defined]
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            if not found:
                found.append(None)
                thread = Thread(target=build)
                Context().run(thread.start)
                thread.join()

    monkeypatch.setattr(ididi.graph, "ThreadPoolExecutor", Pool)
    assert ididi_scopefix.activate().state == "active"

    _, graph, scope = found
    assert default_scope_of(graph) is scope


@mutable
@pytest.mark.usefixtures("inactive")
@pytest.mark.parametrize("name", ["use_scope", "scope", "ascope"])
@pytest.mark.shim
def test_a_function_of_another_library_is_not_called(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It may count the calls of the program."""
    calls: list[str] = []
    method = vars(ididi.graph.Resolver)[name]

    def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        return method(self, *args, **kwargs)

    monkeypatch.setattr(ididi.graph.Resolver, name, counting)
    assert ididi_scopefix.activate().state == "active"
    assert calls == []

    graph = Graph()
    if name == "use_scope":
        assert default_scope_of(graph).name == ididi.graph.DefaultScopeName
        assert calls == [name]
    ididi_scopefix.deactivate()


@mutable
@pytest.mark.usefixtures("inactive")
@pytest.mark.shim
def test_a_callable_that_python_does_not_bind_is_called_as_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It gets no self from Python, and none from the shim."""

    class Answer:
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return args, kwargs

    monkeypatch.setattr(ididi.graph.Resolver, "use_scope", Answer())
    graph: Any = Graph()
    expected = graph.use_scope("name", as_async=True)
    assert ididi_scopefix.activate().state == "active"

    assert graph.use_scope("name", as_async=True) == expected
    ididi_scopefix.deactivate()


@pytest.mark.usefixtures("inactive")
@pytest.mark.shim
def test_threads_that_activate_at_once_replace_each_attribute_once() -> None:
    """One deactivation puts back what ididi has written."""
    owners = (ididi.graph.Graph, ididi.graph.Resolver, ididi.graph)
    before = [dict(vars(owner)) for owner in owners]
    for _ in range(20):
        states = run_at_once(*[ididi_scopefix.activate] * 6)
        assert {each.state for each in states} == {"active"}
        ididi_scopefix.deactivate()
        assert [dict(vars(owner)) for owner in owners] == before


@pytest.mark.usefixtures("inactive")
def test_a_seed_is_a_seed_after_off_and_on() -> None:
    """Another graph's call replaces it, as it did before."""
    ididi_scopefix.activate()
    first, second = Context().run(Graph), Context().run(Graph)
    context = Context()
    assert context.run(first.use_scope) is default_scope_of(first)
    ididi_scopefix.deactivate()
    ididi_scopefix.activate()

    assert context.run(second.use_scope) is default_scope_of(second)


@frees_functions
@pytest.mark.unchanged
@pytest.mark.usefixtures("inactive")
def test_switching_again_and_again_leaves_nothing_behind() -> None:
    """What was put back is forgotten."""

    def switch(times: int) -> int:
        for _ in range(times):
            ididi_scopefix.activate()
            ididi_scopefix.deactivate()
        gc.collect()
        return len(gc.get_objects())

    switch(20)
    before = switch(1)
    assert switch(200) - before < 100


class Stranger:
    """Something that is no scope."""


@pytest.mark.usefixtures("inactive")
@pytest.mark.shim
def test_something_strange_in_the_variable_does_not_hinder_the_activation() -> None:
    """It belongs to nobody's graph, and stays."""
    stranger: Any = Stranger()

    def activate() -> None:
        ididi.graph._SCOPE_CONTEXT.set(stranger)
        assert ididi_scopefix.activate().state == "active"
        assert ididi.graph._SCOPE_CONTEXT.get() is stranger

    Context().run(activate)


@pytest.mark.unchanged
def test_something_strange_in_the_variable_is_the_parent_of_scopes() -> None:
    """As in plain ididi, whose scopes take what is there."""
    stranger: Any = Stranger()
    graph = Graph()

    def scope() -> None:
        ididi.graph._SCOPE_CONTEXT.set(stranger)
        with graph.scope("request") as opened:
            assert opened.pre is stranger

    async def ascope() -> None:
        ididi.graph._SCOPE_CONTEXT.set(stranger)
        async with graph.ascope("request") as opened:
            assert opened.pre is stranger

    Context().run(scope)
    Context().run(asyncio.run, ascope())


@pytest.mark.usefixtures("inactive")
def test_activating_within_a_scope_without_a_parent_does_not_adopt_it() -> None:
    """It is a request's, where ididi opens scopes in empty contexts by itself."""
    graph = Context().run(Graph)

    def request() -> Any:
        try:
            manager = graph.scope("request")
            scope = manager.__enter__()
        except LookupError:
            return None
        ididi_scopefix.activate()
        manager.__exit__(None, None, None)
        return scope

    scope = Context().run(request)
    ididi_scopefix.activate()
    found = default_scope_of(graph)
    assert found is not scope
    assert found.name == ididi.graph.DefaultScopeName


def test_graphs_that_share_a_thread_pool(knows_graphs: bool) -> None:
    """Each has its own default scope, from 1.6.0 on; else the newest answers."""
    pool = ididi.graph.ThreadPoolExecutor(max_workers=1)  # type: ignore[attr-defined]
    first, second = (Context().run(lambda: Graph(workers=pool)) for _ in range(2))
    scopes = [default_scope_of(graph) for graph in (first, second)]

    own = [scope._type_registry for scope in scopes]
    if knows_graphs and hasattr(first, "__dict__"):
        assert own[0] is first._type_registry
    assert own[1] is second._type_registry
    pool.shutdown()


@pytest.mark.skipif(shape.has_mutable_classes(), reason="their calls know their graph")
@pytest.mark.parametrize("collect", ["", "gc.collect()"])
def test_the_newest_of_the_graphs_built_before_is_found(collect: str) -> None:
    """Whichever of the collector's generations they are in."""
    children.run(
        f"""
        import gc, ididi_scopefix
        from contextvars import Context
        from ididi import Graph

        ididi_scopefix.deactivate()
        old = Context().run(Graph)
        gc.collect()
        new = Context().run(Graph)
        {collect}
        ididi_scopefix.activate()
        scope = Context().run(old.use_scope)
        assert scope._type_registry is new._type_registry
        """
    )


@pytest.mark.skipif(shape.has_mutable_classes(), reason="their calls know their graph")
def test_without_a_graph_there_is_nothing_to_seed_with() -> None:
    """LookupError, as in plain ididi, and no word about it."""
    finished = children.run(
        """
        import ididi.graph
        from contextvars import Context
        try:
            Context().run(lambda: ididi.graph._SCOPE_CONTEXT.get())
        except LookupError as error:
            print(type(error).__name__)
        """
    )

    assert finished.stdout == "LookupError\n"
    assert finished.stderr == ""

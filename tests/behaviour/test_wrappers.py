"""Other wrappers: around ours, inside ours, before it and after it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import TYPE_CHECKING, Any, Callable
from unittest import mock

import ididi.graph
import pytest
from ididi import Graph
from ididi.graph import Resolver

import ididi_scopefix
from tests import shape
from tests.wrappers import by_functools, by_wrapt, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

METHODS = ("scope", "ascope", "use_scope")


pytestmark = pytest.mark.skipif(
    not shape.has_mutable_classes(),
    reason="the methods of compiled classes can't be wrapped",
)


@pytest.fixture(autouse=True)
def plain_methods() -> Iterator[dict[str, Any]]:
    """What plain ididi has there, and has there again afterwards."""
    ididi_scopefix.deactivate()
    before = methods()
    ididi_scopefix.activate()
    yield before
    ididi_scopefix.deactivate()
    replace(before)


def call_all(graph: Any) -> None:
    """Make each of the three calls in an empty context."""

    def scope() -> None:
        with graph.scope("request") as opened:
            assert opened.pre.name == ididi.graph.DefaultScopeName

    async def ascope() -> None:
        async with graph.ascope("request") as opened:
            assert opened.pre.name == ididi.graph.DefaultScopeName

    Context().run(scope)
    Context().run(asyncio.run, ascope())
    assert Context().run(graph.use_scope).name == ididi.graph.DefaultScopeName


def by_contextlib(method: Any, note: Callable[[Any], None]) -> Any:
    """As one replaces a method that contextlib has made, and keeps its face."""
    if method.__name__ == "use_scope":
        return by_functools(method, note)

    def steps(self: Any, *args: Any, **kwargs: Any) -> Any:
        note(self)
        with method(self, *args, **kwargs) as scope:
            yield scope

    async def asteps(self: Any, *args: Any, **kwargs: Any) -> Any:
        note(self)
        async with method(self, *args, **kwargs) as scope:
            yield scope

    if "ascope" in method.__name__:
        return functools.update_wrapper(contextlib.asynccontextmanager(asteps), method)
    return functools.update_wrapper(contextlib.contextmanager(steps), method)


WAYS = (plain, by_functools, by_wrapt, by_contextlib)


def methods() -> dict[str, Any]:
    """Return what is there now of each of the three."""
    return {name: vars(Resolver)[name] for name in METHODS}


def replace(contents: dict[str, Any]) -> None:
    """Put *contents* there."""
    for name, method in contents.items():
        setattr(Resolver, name, method)


@pytest.mark.shim
def test_a_graph_whose_building_is_wrapped_has_its_own_default_scope(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It gets every argument, and its default scope is that which ididi has made."""
    ididi_scopefix.deactivate()
    wrapped = by_functools(vars(Graph)["__init__"], lambda graph: None)
    monkeypatch.setattr(Graph, "__init__", wrapped)
    assert ididi_scopefix.activate().state == "active"

    context, pool = Context(), ThreadPoolExecutor()
    graph = context.run(lambda: Graph(workers=pool))
    assert graph._workers is pool
    assert Context().run(graph.use_scope) is context.run(graph.use_scope)
    ididi_scopefix.deactivate()


@pytest.mark.shim
def test_a_wrapped_method_that_is_called_by_name_passes_through() -> None:
    """``self`` and all."""
    graph = Graph()
    ididi_scopefix.deactivate()
    wrapper = by_functools(vars(Resolver)["use_scope"], lambda graph: None)
    replace({"use_scope": wrapper})
    assert ididi_scopefix.activate().state == "active"
    assert vars(Resolver)["use_scope"](self=graph) is graph.use_scope()


@pytest.mark.parametrize("wrap", WAYS)
@pytest.mark.shim
def test_wrappers_inside_and_outside_are_called_and_contexts_are_seeded(
    wrap: Any,
) -> None:
    """One that was there before the shim, one that came after it."""
    graph = Context().run(Graph)
    calls: list[tuple[str, Any]] = []

    def wrapped(contents: dict[str, Any], where: str) -> dict[str, Any]:
        def note(instance: Any) -> None:
            calls.append((where, instance))

        return {name: wrap(method, note) for name, method in contents.items()}

    ididi_scopefix.deactivate()
    inside = wrapped(methods(), "inside")
    replace(inside)
    assert ididi_scopefix.activate().state == "active"
    ours = methods()
    outside = wrapped(ours, "outside")
    replace(outside)
    for _ in range(3):
        calls.clear()
        call_all(graph)
        assert calls == [("outside", graph), ("inside", graph)] * 3

        ididi_scopefix.deactivate()
        assert methods() == outside
        calls.clear()
        with pytest.raises(LookupError):
            Context().run(graph.use_scope)
        assert calls == [("outside", graph), ("inside", graph)]

        assert ididi_scopefix.activate().state == "active"
        # Of a plain function nobody can tell that ours is still inside it.
        assert wrap is plain or methods() == outside

    replace(ours)
    ididi_scopefix.deactivate()
    assert methods() == inside


@pytest.mark.shim
def test_a_wrapper_inside_is_called_when_ididi_s_method_would_be() -> None:
    """When a scope is asked for, not when it is entered."""
    graph = Context().run(Graph)
    calls: list[Any] = []
    ididi_scopefix.deactivate()
    replace(
        {name: by_wrapt(method, calls.append) for name, method in methods().items()}
    )
    assert ididi_scopefix.activate().state == "active"
    calls.clear()
    graph.scope(), graph.ascope()
    assert calls == [graph] * 2


@pytest.mark.shim
def test_a_method_whose_parameters_have_other_names_gets_them() -> None:
    """A library may have put another function there."""
    graph = Graph()
    ididi_scopefix.deactivate()
    ours = methods()["use_scope"]

    def use_scope(self: Any, title: Any = "", *, as_async: bool = False) -> Any:
        return ours(self, *filter(None, [title]), as_async=as_async)

    replace({"use_scope": use_scope})
    assert ididi_scopefix.activate().state == "active"
    found: Any = graph.use_scope

    def request() -> None:
        with graph.scope("outer") as outer, graph.scope("inner") as inner:
            assert found(title="outer") is outer
            assert found() is inner

    Context().run(request)


@pytest.mark.shim
@pytest.mark.parametrize("wrap", WAYS)
def test_a_wrapper_inside_gets_every_argument(wrap: Any) -> None:
    """By position and by name."""
    graph: Any = Context().run(Graph)
    ididi_scopefix.deactivate()
    replace({name: wrap(method, id) for name, method in methods().items()})
    assert ididi_scopefix.activate().state == "active"

    def request() -> None:
        with graph.scope("outer") as outer, graph.scope(name="inner") as inner:
            assert graph.use_scope("outer") is outer
            assert graph.use_scope(name="outer", as_async=False) is outer
            assert graph.use_scope() is inner

    Context().run(request)


@pytest.mark.shim
def test_what_python_does_not_bind_is_called_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A callable without ``__get__`` gets no self, here as in plain ididi."""
    ididi_scopefix.deactivate()

    class Answer:
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return args, kwargs

    graph: Any = Context().run(Graph)
    monkeypatch.setattr(Resolver, "use_scope", Answer())
    expected = (("name",), {"as_async": True})
    assert graph.use_scope("name", as_async=True) == expected
    assert ididi_scopefix.activate().state == "active"

    assert Context().run(graph.use_scope, "name", as_async=True) == expected
    ididi_scopefix.deactivate()


def test_a_subclass_may_override_each_method_and_call_super() -> None:
    """And what it adds is done."""
    calls: list[str] = []
    parent: Any = Graph

    class Service(parent):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            calls.append("built")

        def scope(self, *args: Any) -> Any:
            calls.append("scope")
            return super().scope(*args)

        @contextlib.asynccontextmanager
        async def ascope(self, *args: Any) -> Any:
            calls.append("ascope")
            async with super().ascope(*args) as scope:
                yield scope

        def use_scope(self, *args: Any, **kwargs: Any) -> Any:
            calls.append("use_scope")
            return super().use_scope(*args, **kwargs)

    try:
        graph = Context().run(Service)
    except TypeError:
        pytest.skip("the classes of this release are final")
    call_all(graph)
    assert calls == ["built", "scope", "ascope", "use_scope"]


@pytest.mark.parametrize("name", METHODS)
def test_mock_patches_our_methods_and_puts_them_back(name: str) -> None:
    """With and without a new object, and with one that calls ours."""
    graph = Context().run(Graph)
    ours = vars(Resolver)[name]
    with mock.patch.object(Resolver, name) as patched:
        assert getattr(graph, name)("x") is patched.return_value
    assert vars(Resolver)[name] is ours
    with mock.patch.object(Resolver, name, autospec=True, side_effect=ours) as patched:
        call_all(graph)
        assert patched.call_count == 1
    assert vars(Resolver)[name] is ours
    call_all(graph)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.shim
def test_a_mock_that_outlives_a_deactivation_leaves_a_method_that_passes_through(
    name: str, plain_methods: dict[str, Any]
) -> None:
    """And the next activation has it in force again."""
    graph = Context().run(Graph)
    with mock.patch.object(Resolver, name):
        ididi_scopefix.deactivate()
    with pytest.raises(LookupError):
        Context().run(graph.use_scope)
    assert ididi_scopefix.activate().state == "active"
    call_all(graph)
    ididi_scopefix.deactivate()
    assert methods() == plain_methods


@pytest.mark.shim
def test_what_was_put_back_by_others_is_replaced_again(
    plain_methods: dict[str, Any],
) -> None:
    """A library that has wrapped ours takes ididi's own out of its pocket."""
    graph = Context().run(Graph)
    replace({name: plain(method, id) for name, method in methods().items()})
    ididi_scopefix.deactivate()
    replace(plain_methods)
    assert ididi_scopefix.activate().state == "active"
    call_all(graph)


@pytest.mark.unchanged
def test_a_wrapper_that_outlives_a_deactivation_stores_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Graphs are built as in plain ididi."""
    building = vars(Graph)["__init__"]
    monkeypatch.setattr(Graph, "__init__", plain(building, id))
    ididi_scopefix.deactivate()
    graph = Context().run(Graph)
    assert not [name for name in getattr(graph, "__dict__", ()) if "scopefix" in name]

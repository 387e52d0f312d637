"""Other wrappers: around ours, inside ours, before it and after it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from contextvars import Context
from typing import TYPE_CHECKING, Any, Callable
from unittest import mock

import ididi.graph
import pytest
import wrapt
from ididi import Graph
from ididi.graph import Resolver

import ididi_scopefix
from tests import shape

if TYPE_CHECKING:
    from collections.abc import Iterator

METHODS = ("scope", "ascope", "use_scope")


pytestmark = pytest.mark.skipif(
    not shape.has_mutable_classes(),
    reason="the methods of compiled classes can't be wrapped",
)


@pytest.fixture(autouse=True)
def _put_back() -> Iterator[None]:
    """Leave ididi's classes as they were."""
    ididi_scopefix.deactivate()
    before = {name: vars(Resolver)[name] for name in METHODS}
    ididi_scopefix.activate()
    yield
    ididi_scopefix.deactivate()
    for name, method in before.items():
        setattr(Resolver, name, method)


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


def plain(method: Any, note: Callable[[], None]) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        note()
        return method(*args, **kwargs)

    return call


def by_functools(method: Any, note: Callable[[], None]) -> Any:
    return functools.wraps(method)(plain(method, note))


def by_wrapt(method: Any, note: Callable[[], None]) -> Any:
    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        note()
        return wrapped(*args, **kwargs)

    return wrapt.FunctionWrapper(method, wrapper)


def by_contextlib(method: Any, note: Callable[[], None]) -> Any:
    """As one replaces a method that contextlib has made, and keeps its face."""
    if method.__name__ == "use_scope":
        return by_functools(method, note)

    def steps(*args: Any, **kwargs: Any) -> Any:
        note()
        with method(*args, **kwargs) as scope:
            yield scope

    async def asteps(*args: Any, **kwargs: Any) -> Any:
        note()
        async with method(*args, **kwargs) as scope:
            yield scope

    if "ascope" in method.__name__:
        return functools.update_wrapper(contextlib.asynccontextmanager(asteps), method)
    return functools.update_wrapper(contextlib.contextmanager(steps), method)


WAYS = (plain, by_functools, by_wrapt, by_contextlib)


@pytest.mark.parametrize("wrap", WAYS)
def test_wrappers_inside_and_outside_are_called_and_contexts_are_seeded(
    wrap: Any,
) -> None:
    """One that was there before the shim, one that came after it."""
    graph = Context().run(Graph)
    calls: list[str] = []
    ididi_scopefix.deactivate()
    for name in METHODS:
        method = vars(Resolver)[name]
        setattr(Resolver, name, wrap(method, lambda: calls.append("inside")))
    assert ididi_scopefix.activate().state == "active"
    for name in METHODS:
        method = vars(Resolver)[name]
        setattr(Resolver, name, wrap(method, lambda: calls.append("outside")))
    calls.clear()
    call_all(graph)
    assert calls == ["outside", "inside"] * 3

    ididi_scopefix.deactivate()
    calls.clear()
    with pytest.raises(LookupError):
        Context().run(graph.use_scope)
    assert calls == ["outside", "inside"]

    assert ididi_scopefix.activate().state == "active"
    calls.clear()
    call_all(graph)
    assert calls == ["outside", "inside"] * 3


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
def test_a_mock_that_outlives_a_deactivation_leaves_a_method_that_passes_through(
    name: str,
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
    assert not hasattr(vars(Resolver)["use_scope"], "__wrapped__")


def test_an_async_scope_left_in_another_context_seeds_nothing_there() -> None:
    """As a fixture is left in another task than it was entered in."""
    graph = Context().run(Graph)
    elsewhere = Context()
    # A loop's own context is copied for each task: the scope's steps are made
    # by hand, with nothing to wait for.
    loop = asyncio.new_event_loop()
    manager = Context().run(graph.ascope)

    async def enter() -> None:
        await manager.__aenter__()

    Context().run(loop.run_until_complete, enter())
    before = ididi_scopefix.status().seeded
    with pytest.raises(ValueError, match="different Context"):
        elsewhere.run(manager.__aexit__(None, None, None).send, None)
    loop.close()
    assert elsewhere.run(ididi.graph._SCOPE_CONTEXT.get, None) is None
    assert ididi_scopefix.status().seeded == before


@pytest.mark.unchanged
def test_a_scope_that_was_never_entered_is_gone_with_its_last_reference() -> None:
    """Asking for one makes no ring that waits for the collector."""
    import gc
    import weakref

    graph = Context().run(Graph)
    gc.collect()
    gc.disable()
    try:
        gone = [weakref.ref(graph.scope()), weakref.ref(graph.ascope())]
        assert [each() for each in gone] == [None, None]
    finally:
        gc.enable()

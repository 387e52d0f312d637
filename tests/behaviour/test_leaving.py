"""The context managers of scopes take what contextlib's take."""

from __future__ import annotations

import asyncio
import inspect
import sys
from contextlib import asynccontextmanager
from contextvars import Context
from typing import TYPE_CHECKING, Any

import pytest

from tests import shape

if TYPE_CHECKING:
    from ididi import Graph


@asynccontextmanager
async def plain() -> Any:
    yield


def names_of(method: Any) -> list[str]:
    """Return the names of the three that contextlib gives the error."""
    return [*inspect.signature(method).parameters][-3:]


def test_a_scope_is_left_with_the_error_by_name(graph: Graph) -> None:
    """As any function may be called, however seldom it is done."""

    def request() -> None:
        manager = graph.scope()
        manager.__enter__()
        names = dict.fromkeys(names_of(manager.__exit__))
        try:
            assert not manager.__exit__(**names)  # type: ignore[arg-type]
        except TypeError:
            manager.__exit__(None, None, None)
            raise

    Context().run(request)


def test_an_async_scope_is_left_with_the_error_by_name(graph: Graph) -> None:
    """As any function may be called, however seldom it is done."""

    async def request() -> None:
        manager = graph.ascope()
        await manager.__aenter__()
        names = dict.fromkeys(names_of(manager.__aexit__))
        try:
            assert not await manager.__aexit__(**names)  # type: ignore[arg-type]
        except TypeError:
            await manager.__aexit__(None, None, None)
            raise

    Context().run(asyncio.run, request())


@pytest.mark.skipif(
    sys.version_info < (3, 12) and shape.has_mutable_classes(),
    reason="before Python 3.12 no other function can be marked as one",
)
@pytest.mark.unchanged
@pytest.mark.filterwarnings("ignore:coroutine 'Resolver.ascope' was never awaited")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_leaving_an_async_scope_is_a_coroutine_function(graph: Graph) -> None:
    """Mocks ask for that."""
    theirs, ours = type(plain()).__aexit__, type(graph.ascope()).__aexit__
    assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs)


def test_a_scope_that_is_left_unentered_fails_as_it_does_elsewhere(
    graph: Graph, default_scope: Any, knows_graphs: bool
) -> None:
    """It opens a scope and does not end: contextlib complains of that, and not ididi."""

    def request() -> list[Any]:
        manager = graph.scope(name="left")
        with pytest.raises(RuntimeError, match="didn't stop") as caught:
            manager.__exit__(None, None, None)
        found: Any = graph.use_scope()  # before Python 3.11 contextlib leaves it open
        names = found.name, getattr(found.pre, "name", None)
        again = manager.__exit__(None, None, None)
        return [caught.value.__context__, names, again, graph.use_scope()]

    expected, of_another = request(), Context()
    if knows_graphs:
        Context().run(lambda: of_another.run(type(graph)().use_scope))
    assert expected[2:] == [False, default_scope]
    assert Context().run(request) == expected
    assert of_another.run(request) == expected


def test_a_lookup_error_of_what_a_scope_cleans_up_is_raised_once(graph: Graph) -> None:
    """It says nothing about the context."""
    raised = KeyError("a session")

    def fail(*error: object) -> None:
        cleanups.append(error)
        raise raised

    def request() -> None:
        with graph.scope() as scope:
            scope.enter_context(Failing())

    class Failing:
        __exit__ = staticmethod(fail)

        def __enter__(self) -> None:
            pass

    cleanups: list[Any] = []
    with pytest.raises(KeyError) as caught:
        Context().run(request)
    assert caught.value is raised
    assert len(cleanups) == 1


def test_a_method_that_gets_self_by_name_works_everywhere(
    graph: Graph, knows_graphs: bool
) -> None:
    """In a context without a scope, too."""
    if not knows_graphs:
        pytest.skip("compiled methods take self by position only")
    methods: Any = type(graph)
    built = methods.__new__(methods)
    Context().run(lambda: methods.__init__(self=built))
    assert Context().run(built.use_scope)._type_registry is built._type_registry
    default = Context().run(graph.use_scope)

    def request() -> None:
        with methods.scope(self=graph, name="request") as scope:
            assert methods.use_scope(self=graph) is scope
            # From ididi 1.8.4 on, scopes open without a parent.
            assert scope.pre is default

    async def arequest() -> None:
        async with methods.ascope(self=graph) as scope:
            assert scope.pre is default

    Context().run(request)
    Context().run(asyncio.run, arequest())

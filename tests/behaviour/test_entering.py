"""The graph is asked where a scope is entered, not where it is made."""

import asyncio
import sys
from contextvars import Context

import pytest
from ididi import Graph, SyncScope
from ididi.config import DefaultScopeName

import ididi_scopefix
from tests import contexts


@pytest.mark.parametrize("call", contexts.SYNC)
def test_a_scope_made_here_is_entered_elsewhere(
    graph: Graph, default_scope: SyncScope, call: contexts.SyncWay
) -> None:
    """Programs do so with ``run_in_executor(None, manager.__enter__)``."""
    manager = graph.scope("request")

    def request() -> None:
        with manager as scope:
            assert scope.pre is default_scope
            assert graph.use_scope() is scope
        assert graph.use_scope() is default_scope

    call(request)


@pytest.mark.parametrize("run", contexts.ASYNC)
def test_an_async_scope_made_here_is_entered_elsewhere(
    graph: Graph, default_scope: SyncScope, run: contexts.AsyncWay
) -> None:
    """The blocking portal of anyio does so, and with the coroutine alone."""
    manager, other = graph.ascope("request"), graph.ascope("other")
    entering = other.__aenter__()

    async def request() -> None:
        async with manager as scope:
            assert scope.pre is default_scope
            assert graph.use_scope() is scope
        assert graph.use_scope() is default_scope
        scope = await entering
        assert scope.pre is default_scope
        await other.__aexit__(None, None, None)
        assert graph.use_scope() is default_scope

    run(request)


@pytest.mark.unchanged
def test_a_scope_made_elsewhere_is_entered_here(
    graph: Graph, default_scope: SyncScope
) -> None:
    """To make a scope, or the coroutine that enters it, asks nobody."""
    before = ididi_scopefix.status().fallbacks
    elsewhere = Context()
    manager = elsewhere.run(graph.ascope, "request")
    elsewhere.run(manager.__aenter__).close()
    assert len(elsewhere) == 0
    assert ididi_scopefix.status().fallbacks == before

    async def request() -> None:
        async with manager as scope:
            assert scope.pre is default_scope

    asyncio.run(request())
    with elsewhere.run(graph.scope, "request") as scope:
        assert scope.pre is default_scope


def test_a_task_with_its_own_context_enters_a_scope(
    graph: Graph, default_scope: SyncScope
) -> None:
    """Programs do so with ``create_task(manager.__aenter__(), context=...)``."""
    elsewhere = Context()

    async def main() -> None:
        manager = graph.ascope("request")
        create = asyncio.get_running_loop().create_task
        if sys.version_info >= (3, 11):
            scope = await create(manager.__aenter__(), context=elsewhere)
            assert elsewhere.run(graph.use_scope) is scope
            await create(manager.__aexit__(None, None, None), context=elsewhere)
        else:
            # A task copies the context that it is made in: it can't be left there.
            scope = await elsewhere.run(create, manager.__aenter__())
            with pytest.raises(ValueError, match="different Context"):
                await manager.__aexit__(None, None, None)
        assert scope.pre is default_scope
        assert elsewhere.run(graph.use_scope) is default_scope

    asyncio.run(main())


# Of a decorator's own scope, which is never entered. Compiled generators say so.
@pytest.mark.filterwarnings("ignore:coroutine 'Resolver.ascope' was never awaited")
def test_a_decorated_function_opens_a_scope_at_each_call(
    graph: Graph, default_scope: SyncScope
) -> None:
    """contextlib makes a new scope for each call, also of a coroutine function."""

    @graph.scope("request")
    def request() -> SyncScope:
        assert graph.use_scope(DefaultScopeName) is default_scope
        return graph.use_scope()

    found = [contexts.in_new_thread(request), Context().run(request)]
    manager = graph.ascope("request")
    if callable(manager):  # not on Python 3.9

        @manager
        async def arequest() -> SyncScope:
            assert graph.use_scope(DefaultScopeName) is default_scope
            return graph.use_scope()

        found += [contexts.run_in_thread(arequest), contexts.run_in_thread(arequest)]

    assert len({id(scope) for scope in found}) == len(found)
    assert {scope.name for scope in found} == {"request"}


def test_a_scope_left_unentered_fails_as_it_does_elsewhere(graph: Graph) -> None:
    """It opens a scope and does not end: contextlib complains of that, not ididi."""

    def request() -> "tuple[object, str]":
        manager = graph.scope("left")
        with pytest.raises(RuntimeError, match="didn't stop") as raised:
            manager.__exit__(None, None, None)
        left_open = graph.use_scope().name  # before Python 3.11 it is
        manager.__exit__(None, None, None)
        return raised.value.__context__, left_open

    expected = request()
    assert Context().run(request) == expected

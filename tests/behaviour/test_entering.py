"""Seeding happens when a scope is entered, not when it is called for."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context

import ididi.graph
import pytest
from ididi import Graph, SyncScope
from ididi.config import DefaultScopeName

import ididi_scopefix
from tests import contexts


@pytest.mark.parametrize("call", contexts.SYNC)
def test_a_scope_made_here_is_entered_elsewhere(
    graph: Graph, default_scope: SyncScope, call: contexts.SyncWay
) -> None:
    """As in ``run_in_executor(None, manager.__enter__)``."""
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
    """As anyio's blocking portal does with an async context manager."""
    manager = graph.ascope("request")

    async def request() -> None:
        async with manager as scope:
            assert scope.pre is default_scope
            assert graph.use_scope() is scope
        assert graph.use_scope() is default_scope

    run(request)


@pytest.mark.unchanged
def test_a_scope_made_elsewhere_is_entered_here(
    graph: Graph, default_scope: SyncScope
) -> None:
    """Making one leaves no trace in the context it is made in."""
    elsewhere = Context()

    manager = elsewhere.run(graph.scope, "request")

    assert len(elsewhere) == 0
    with manager as scope:
        assert scope.pre is default_scope


@pytest.mark.unchanged
def test_an_async_scope_made_elsewhere_is_entered_here(
    graph: Graph, default_scope: SyncScope
) -> None:
    """Making one leaves no trace in the context it is made in."""
    elsewhere = Context()

    manager = elsewhere.run(graph.ascope, "request")

    assert len(elsewhere) == 0

    async def request() -> None:
        async with manager as scope:
            assert scope.pre is default_scope

    asyncio.run(request())


@pytest.mark.parametrize("run", contexts.ASYNC)
def test_a_coroutine_that_enters_is_made_here_and_awaited_elsewhere(
    graph: Graph, default_scope: SyncScope, run: contexts.AsyncWay
) -> None:
    """What counts is where it runs."""
    manager = graph.ascope("request")
    entering = manager.__aenter__()

    async def request() -> None:
        scope = await entering
        assert scope.pre is default_scope
        assert graph.use_scope() is scope
        await manager.__aexit__(None, None, None)
        assert graph.use_scope() is default_scope

    run(request)


def test_a_coroutine_that_enters_is_a_task_with_a_context_of_its_own(
    graph: Graph, default_scope: SyncScope
) -> None:
    """As in ``create_task(manager.__aenter__(), context=Context())``."""
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


def test_a_coroutine_that_enters_is_all_that_a_loop_elsewhere_runs(
    graph: Graph, default_scope: SyncScope
) -> None:
    """``asyncio.run`` takes it for the coroutine that it is."""
    entering = graph.ascope("request").__aenter__()

    scope = contexts.in_new_thread(lambda: asyncio.run(entering))

    assert scope.pre is default_scope


@pytest.mark.unchanged
def test_a_coroutine_that_enters_and_is_never_awaited_leaves_no_trace(
    graph: Graph, default_scope: SyncScope
) -> None:
    """Nothing is seeded where it was made, and the scope can still be entered."""
    before = ididi_scopefix.status().seeded
    elsewhere = Context()
    manager = elsewhere.run(graph.ascope, "request")

    entering = elsewhere.run(manager.__aenter__)
    assert len(elsewhere) == 0
    entering.close()

    assert len(elsewhere) == 0
    assert ididi_scopefix.status().seeded == before

    async def request() -> None:
        async with manager as scope:
            assert scope.pre is default_scope

    asyncio.run(request())


def test_a_scope_is_entered_by_an_executor(
    graph: Graph, default_scope: SyncScope
) -> None:
    """In the one thread of a pool, where it is left as well."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(max_workers=1) as pool:
            manager = graph.scope("request")
            scope = await loop.run_in_executor(pool, manager.__enter__)
            assert scope.pre is default_scope
            found = await loop.run_in_executor(pool, graph.use_scope)
            assert found is scope
            await loop.run_in_executor(pool, manager.__exit__, None, None, None)
            found = await loop.run_in_executor(pool, graph.use_scope)
            assert found is default_scope

    Context().run(asyncio.run, main())


def test_a_decorated_function_opens_its_scope_where_it_is_called(
    graph: Graph, default_scope: SyncScope
) -> None:
    """contextlib makes a new scope for each call of what it decorates."""

    @graph.scope("request")
    def request() -> SyncScope:
        assert graph.use_scope().pre is default_scope
        return graph.use_scope()

    first, second = contexts.in_new_thread(request), Context().run(request)

    assert first is not second
    assert first.name == second.name == "request"


# Of a decorator's own scope, which is never entered. Compiled generators say so.
@pytest.mark.filterwarnings("ignore:coroutine 'Resolver.ascope' was never awaited")
def test_a_decorated_coroutine_function_opens_its_scope_where_it_runs(
    graph: Graph, default_scope: SyncScope
) -> None:
    """From Python 3.10 on, async scopes decorate, too."""
    manager = graph.ascope("request")
    if not callable(manager):
        pytest.skip("async context managers are no decorators on Python 3.9")

    @manager
    async def request() -> SyncScope:
        assert graph.use_scope(DefaultScopeName) is default_scope
        return graph.use_scope()

    first, second = contexts.run_in_thread(request), contexts.run_in_thread(request)

    assert first is not second


@pytest.mark.unchanged
def test_a_scope_that_is_never_entered_is_dropped_silently(
    graph: Graph, knows_graphs: bool
) -> None:
    """No warning, neither for the sync nor for the async one."""
    if not knows_graphs:
        pytest.skip("ididi's compiled generators warn when they are dropped")
    for make in (graph.scope, graph.ascope):
        copy_context().run(make, "request")


def test_an_async_scope_left_in_another_context_seeds_nothing_there(
    graph: Graph,
) -> None:
    """As a fixture is left in another task than it was entered in."""
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

"""In a context without a scope, a graph answers with its default scope."""

import asyncio
from typing import Annotated, Any

import pytest
from ididi import Graph, SyncScope, use
from ididi.config import DefaultScopeName
from ididi.errors import OutOfScopeError

from tests import contexts
from tests.behaviour.service import (
    Connection,
    Settings,
    open_async_connection,
    open_connection,
)
from tests.pythons import reads_annotations

in_every_context = pytest.mark.parametrize("call", contexts.SYNC)
in_every_async_context = pytest.mark.parametrize("run", contexts.ASYNC)


def test_a_thread_with_its_own_event_loop_opens_a_scope(graph: Graph) -> None:
    """This is the bug as it was reported: a server's worker thread with a loop."""

    async def request() -> Settings:
        async with graph.ascope("request") as scope:
            return await scope.resolve(Settings)

    assert isinstance(contexts.run_in_thread(request), Settings)


@in_every_context
def test_use_scope_returns_the_default_scope(
    graph: Graph, default_scope: SyncScope, call: contexts.SyncWay
) -> None:
    """It is the very scope that the graph has made when it was built."""
    assert call(graph.use_scope) is default_scope
    assert call(lambda: graph.use_scope(DefaultScopeName)) is default_scope
    assert call(lambda: graph.use_scope(as_async=True)) is default_scope
    with pytest.raises(OutOfScopeError):
        call(lambda: graph.use_scope("unknown"))


@in_every_context
def test_a_scope_has_the_default_scope_as_its_parent(
    graph: Graph, default_scope: SyncScope, call: contexts.SyncWay
) -> None:
    """Nested scopes and one that is left by an error end at the same root."""

    def request() -> None:
        with graph.scope("outer") as outer:
            assert outer.pre is default_scope
            with graph.scope("inner") as inner:
                assert inner.pre is outer
                assert graph.use_scope("outer") is outer
                assert graph.use_scope(DefaultScopeName) is default_scope
            assert graph.use_scope() is outer
        assert graph.use_scope() is default_scope
        with pytest.raises(ZeroDivisionError), graph.scope("failing"):
            _ = 1 / 0
        assert graph.use_scope() is default_scope

    call(request)


@in_every_async_context
def test_an_async_scope_has_the_default_scope_as_its_parent(
    graph: Graph, default_scope: SyncScope, run: contexts.AsyncWay
) -> None:
    """A sync scope that is opened inside has the async one as its parent."""

    async def request() -> None:
        async with graph.ascope("outer") as outer:
            assert outer.pre is default_scope
            with graph.scope("inner") as inner:
                assert inner.pre is outer
                assert graph.use_scope(DefaultScopeName) is default_scope
            assert graph.use_scope() is outer
        assert graph.use_scope() is default_scope

    run(request)


@in_every_context
@reads_annotations
def test_resources_live_as_long_as_their_scope(
    graph: Graph, call: contexts.SyncWay
) -> None:
    """An entry function that needs a resource opens a scope by itself."""
    graph.node(open_connection)

    def request() -> Connection:
        with graph.scope() as scope:
            connection = scope.resolve(Connection)
            assert connection.is_open
        return connection

    @graph.entry
    def main(connection: Annotated[Connection, use(open_connection)]) -> Connection:
        assert connection.is_open
        return connection

    assert not call(request).is_open
    assert not call(main).is_open


@in_every_async_context
@reads_annotations
def test_async_resources_live_as_long_as_their_scope(
    graph: Graph, run: contexts.AsyncWay
) -> None:
    """An async entry function that needs one opens an async scope by itself."""
    graph.node(open_async_connection)

    async def request() -> Connection:
        async with graph.ascope() as scope:
            connection = await scope.resolve(Connection)
            assert connection.is_open
        return connection

    @graph.entry
    async def main(
        connection: Annotated[Connection, use(open_async_connection)],
    ) -> Connection:
        assert connection.is_open
        return connection

    assert not run(request).is_open
    assert not run(main).is_open


@in_every_context
@reads_annotations
def test_a_graph_merges_others(graph: Graph, call: contexts.SyncWay) -> None:
    """An application merges the graphs of its routers, one or several at once."""
    others = [Graph(), Graph(), Graph()]
    others[0].node(open_connection)
    others[1].node(Settings)

    call(lambda: graph.merge(others[:2]))
    call(lambda: graph.merge(others[2]))

    assert {Connection, Settings} <= set(graph.nodes)


@in_every_context
def test_a_scope_can_be_handed_to_another_context(
    graph: Graph, default_scope: SyncScope, call: contexts.SyncWay
) -> None:
    """A thread that gets a request's scope finds the default scope of its graph."""

    def work(request: Any) -> None:
        assert request.use_scope() is default_scope
        with request.scope("work") as scope:
            assert scope.pre is default_scope
        assert request.use_scope() is default_scope

    with graph.scope("request") as request:
        call(lambda: work(request))


@in_every_context
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


@in_every_async_context
def test_an_async_scope_made_here_is_entered_elsewhere(
    graph: Graph, default_scope: SyncScope, run: contexts.AsyncWay
) -> None:
    """The blocking portal of anyio does so, with the coroutine alone."""
    manager = graph.ascope("request")
    entering = manager.__aenter__()

    async def request() -> None:
        scope = await entering
        assert scope.pre is default_scope
        assert graph.use_scope() is scope
        await manager.__aexit__(None, None, None)
        assert graph.use_scope() is default_scope

    run(request)


def test_a_copied_context_has_the_scope_of_its_caller(
    graph: Graph, default_scope: SyncScope
) -> None:
    """Tasks and ``asyncio.to_thread`` take along a scope that is open."""

    async def use_scope() -> Any:
        return graph.use_scope()

    async def main() -> None:
        assert await asyncio.create_task(use_scope()) is default_scope
        async with graph.ascope("request") as scope:
            assert await asyncio.create_task(use_scope()) is scope
            assert await asyncio.to_thread(graph.use_scope) is scope
        assert await asyncio.to_thread(graph.use_scope) is default_scope

    contexts.run_in_empty_context(main)

"""In a context without a scope, a graph answers with its default scope."""

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
def test_an_entry_function_opens_a_scope(graph: Graph, call: contexts.SyncWay) -> None:
    """The resource that it needs lives as long as that scope."""

    @graph.entry
    def main(connection: Annotated[Connection, use(open_connection)]) -> Connection:
        assert connection.is_open
        return connection

    assert not call(main).is_open


@in_every_async_context
@reads_annotations
def test_an_async_entry_function_opens_an_async_scope(
    graph: Graph, run: contexts.AsyncWay
) -> None:
    """The resource that it needs lives as long as that scope."""

    @graph.entry
    async def main(
        connection: Annotated[Connection, use(open_async_connection)],
    ) -> Connection:
        assert connection.is_open
        return connection

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

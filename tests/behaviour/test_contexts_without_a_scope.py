"""In a context without a scope, everything works as where the graph was built."""

import asyncio
import gc
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Annotated, Any
from weakref import ref

import pytest
from ididi import Graph, SyncScope, use
from ididi.config import DefaultScopeName

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


def test_a_new_thread_with_a_new_event_loop_opens_a_scope(graph: Graph) -> None:
    """The bug report: a server's worker thread that runs its own event loop."""

    async def request() -> Settings:
        async with graph.ascope("request") as scope:
            return await scope.resolve(Settings)

    assert isinstance(contexts.run_in_thread(request), Settings)


@in_every_context
def test_use_scope_returns_the_default_scope(
    graph: Graph, default_scope: SyncScope, call: contexts.SyncWay
) -> None:
    """The very object, in each context anew."""
    assert call(graph.use_scope) is default_scope
    assert call(graph.use_scope) is default_scope


@in_every_context
def test_use_scope_finds_the_default_scope_by_its_name(
    graph: Graph, default_scope: SyncScope, call: contexts.SyncWay
) -> None:
    """Also as an async scope, which ididi only has a type for."""
    assert call(lambda: graph.use_scope(DefaultScopeName)) is default_scope
    assert call(lambda: graph.use_scope(as_async=True)) is default_scope


@in_every_context
def test_the_first_scope_has_the_default_scope_as_its_parent(
    graph: Graph, default_scope: SyncScope, call: contexts.SyncWay
) -> None:
    """And it is the context's scope while it is open."""

    def request() -> None:
        with graph.scope("request") as scope:
            assert scope.pre is default_scope
            assert graph.use_scope() is scope
            assert graph.use_scope("request") is scope
            assert graph.use_scope(DefaultScopeName) is default_scope

    call(request)


@in_every_async_context
def test_the_first_async_scope_has_the_default_scope_as_its_parent(
    graph: Graph, default_scope: SyncScope, run: contexts.AsyncWay
) -> None:
    """And it is the context's scope while it is open."""

    async def request() -> None:
        async with graph.ascope("request") as scope:
            assert scope.pre is default_scope
            assert graph.use_scope() is scope
            assert graph.use_scope(DefaultScopeName) is default_scope

    run(request)


@in_every_context
def test_leaving_a_scope_restores_the_default_scope(
    graph: Graph, default_scope: SyncScope, call: contexts.SyncWay
) -> None:
    """Also when scopes are nested and when one is left by an error."""

    def request() -> None:
        with graph.scope("outer") as outer:
            with graph.scope("inner") as inner:
                assert inner.pre is outer
            assert graph.use_scope() is outer
        assert graph.use_scope() is default_scope
        with pytest.raises(ZeroDivisionError), graph.scope("failing"):
            _ = 1 / 0
        assert graph.use_scope() is default_scope

    call(request)


@in_every_async_context
def test_leaving_an_async_scope_restores_the_default_scope(
    graph: Graph, default_scope: SyncScope, run: contexts.AsyncWay
) -> None:
    """Also when a sync scope is open inside."""

    async def request() -> None:
        async with graph.ascope("outer") as outer:
            with graph.scope("inner") as inner:
                assert inner.pre is outer
            assert graph.use_scope() is outer
        assert graph.use_scope() is default_scope

    run(request)


@in_every_context
@reads_annotations
def test_a_resource_lives_as_long_as_its_scope(
    graph: Graph, call: contexts.SyncWay
) -> None:
    """What a scope is for."""
    graph.node(open_connection)

    def request() -> Connection:
        with graph.scope() as scope:
            connection = scope.resolve(Connection)
            assert connection.is_open
        return connection

    assert not call(request).is_open


@in_every_async_context
@reads_annotations
def test_an_async_resource_lives_as_long_as_its_scope(
    graph: Graph, run: contexts.AsyncWay
) -> None:
    """What an async scope is for."""
    graph.node(open_async_connection)

    async def request() -> Connection:
        async with graph.ascope() as scope:
            connection = await scope.resolve(Connection)
            assert connection.is_open
        return connection

    assert not run(request).is_open


@in_every_context
@reads_annotations
def test_an_entry_function_gets_its_dependencies(
    graph: Graph, call: contexts.SyncWay
) -> None:
    """One with a resource needs a scope, which it opens itself."""

    @graph.entry
    def main(connection: Annotated[Connection, use(open_connection)]) -> Connection:
        assert connection.is_open
        return connection

    assert not call(main).is_open


@in_every_async_context
@reads_annotations
def test_an_async_entry_function_gets_its_dependencies(
    graph: Graph, run: contexts.AsyncWay
) -> None:
    """One with an async resource needs an async scope."""

    @graph.entry
    async def main(
        connection: Annotated[Connection, use(open_async_connection)],
    ) -> Connection:
        assert connection.is_open
        return connection

    assert not run(main).is_open


@in_every_context
@reads_annotations
def test_a_graph_merges_another_one(graph: Graph, call: contexts.SyncWay) -> None:
    """As an application does with the graphs of its routers."""
    other = Graph()
    other.node(open_connection)

    call(lambda: graph.merge(other))

    assert Connection in graph.nodes


@in_every_context
@reads_annotations
def test_a_graph_merges_several_others(graph: Graph, call: contexts.SyncWay) -> None:
    """In one call, each answers for itself."""
    others = [Graph(), Graph()]
    others[0].node(open_connection)
    others[1].node(Settings)

    call(lambda: graph.merge(others))

    assert {Connection, Settings} <= set(graph.nodes)


@in_every_context
def test_a_scope_is_used_where_the_context_has_none(
    graph: Graph, default_scope: SyncScope, call: contexts.SyncWay
) -> None:
    """A request's scope handed to a thread: the context is the graph's."""
    with graph.scope("request") as request:
        assert call(request.use_scope) is default_scope

        def work() -> None:
            with request.scope("work") as scope:
                assert scope.pre is default_scope
            assert request.use_scope() is default_scope

        call(work)


@in_every_async_context
def test_an_async_scope_is_used_where_the_context_has_none(
    graph: Graph, default_scope: SyncScope, run: contexts.AsyncWay
) -> None:
    """A request's async scope handed to another task."""

    async def open_request() -> Any:
        async with graph.ascope("request") as request:
            return request

    request = asyncio.run(open_request())

    async def work() -> None:
        assert request.use_scope() is default_scope
        async with request.ascope("work") as scope:
            assert scope.pre is default_scope

    run(work)


def test_nothing_of_a_request_stays_behind_in_a_thread(
    graph: Graph, default_scope: SyncScope
) -> None:
    """A pool's thread outlives the requests that it worked for."""
    with contexts.one_thread() as pool:
        settings = Settings()
        is_alive = ref(settings)
        with graph.scope("request") as request:
            request.register_singleton(settings)
            assert pool.submit(request.use_scope).result() is default_scope
        del request, settings
        gc.collect()

        assert is_alive() is None
        assert pool.submit(graph.use_scope).result() is default_scope


@pytest.mark.shim
def test_a_seeded_context_is_seeded_once(
    graph: Graph, default_scope: SyncScope
) -> None:
    """The next call there finds what the first one has left."""
    context = Context()

    assert context.run(graph.use_scope) is default_scope
    assert default_scope in context.values()
    assert context.run(graph.use_scope) is default_scope


@pytest.mark.unchanged
def test_a_copied_context_needs_no_seed(graph: Graph, default_scope: SyncScope) -> None:
    """A task or ``asyncio.to_thread`` takes the scope of its caller along."""

    async def main() -> None:
        async with graph.ascope("request") as scope:
            assert await asyncio.create_task(asyncio.sleep(0, scope)) is scope

            async def child() -> Any:
                return graph.use_scope()

            assert await asyncio.create_task(child()) is scope
            assert await asyncio.to_thread(graph.use_scope) is scope

    asyncio.run(main())


def test_many_threads_share_the_default_scope(
    graph: Graph, default_scope: SyncScope
) -> None:
    """The same object in every thread of a pool."""
    with ThreadPoolExecutor(max_workers=16) as pool:
        found = list(pool.map(lambda _: graph.use_scope(), range(200)))

    assert all(scope is default_scope for scope in found)

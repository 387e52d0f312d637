"""A context that has a scope is left alone, and so is everything else.

Most of these pass on plain ididi, too: that is their point.
"""

import asyncio
import contextlib
import contextvars
import inspect
from contextvars import Context, ContextVar
from typing import Any, Callable, NamedTuple, Optional

import ididi.graph
import pytest
from ididi import Graph, SyncScope
from ididi.config import DefaultScopeName
from ididi.errors import MergeWithScopeStartedError, OutOfScopeError
from ididi.graph import Resolver

import ididi_scopefix
from tests import contexts

unchanged = pytest.mark.unchanged


@unchanged
def test_the_last_graph_built_wins_in_the_building_context(graph: Graph) -> None:
    """Odd, but ididi's own: there the variable has the last one's scope."""

    def build() -> None:
        first, second = Graph(), Graph()
        assert first.use_scope() is second.use_scope()
        with first.scope() as scope:
            assert scope.pre is second.use_scope(DefaultScopeName)

    Context().run(build)


@unchanged
def test_an_open_scope_is_found_as_ever(graph: Graph) -> None:
    """By name, nested, by the graph and by the scopes."""
    with graph.scope("outer") as outer, graph.scope("inner") as inner:
        assert graph.use_scope() is inner
        assert graph.use_scope("outer") is outer
        assert inner.use_scope("outer") is outer
        assert inner.get_scope("outer") is outer
        assert inner.pre is outer


@unchanged
def test_an_unknown_name_raises_out_of_scope_error(graph: Graph) -> None:
    """In a scope, and in the context that built the graph."""
    with pytest.raises(OutOfScopeError):
        graph.use_scope("unknown")
    with graph.scope("request"), pytest.raises(OutOfScopeError):
        graph.use_scope("unknown")


def test_an_unknown_name_raises_out_of_scope_error_everywhere(graph: Graph) -> None:
    """Where the context had no scope, too: not a LookupError."""
    for call in contexts.SYNC:
        with pytest.raises(OutOfScopeError):
            call(lambda: graph.use_scope("unknown"))


@unchanged
def test_merging_within_a_scope_raises_as_ever(graph: Graph) -> None:
    """A scope of the other graph is open, and so it isn't merged."""
    other = Graph()
    with other.scope("request"), pytest.raises(MergeWithScopeStartedError):
        graph.merge(other)


def test_merging_within_a_scope_raises_everywhere(graph: Graph) -> None:
    """Where the context had no scope before, too."""

    def request() -> None:
        other = Context().run(Graph)
        with other.scope("request"), pytest.raises(MergeWithScopeStartedError):
            graph.merge(other)

    contexts.in_new_thread(request)


class OwnLookupError(LookupError):
    """A user's own error, of the very kind that the bug raises."""


class Outcome(NamedTuple):
    """What arrived outside of a scope, of an error that was raised inside."""

    is_the_same: bool
    cause: "Optional[type]"
    context: "Optional[type]"

    @classmethod
    def of(cls, raised: BaseException, error: BaseException) -> "Outcome":
        cause, context = raised.__cause__, raised.__context__
        return cls(raised is error, cause and type(cause), context and type(context))


def graph_is_pure() -> bool:
    """Tell whether this release is pure Python; compiled generators differ."""
    return inspect.isfunction(Resolver.use_scope)


@pytest.mark.parametrize(
    "error_type",
    [
        LookupError,
        OwnLookupError,
        KeyError,
        ValueError,
        StopIteration,
        RuntimeError,
        GeneratorExit,
        KeyboardInterrupt,
        SystemExit,
    ],
)
def test_an_error_in_a_scope_passes_through(
    graph: Graph, default_scope: SyncScope, error_type: "type[BaseException]"
) -> None:
    """As in the context that built the graph, and the scope is left."""
    error = error_type("of the user's own")

    def request() -> Outcome:
        try:
            with graph.scope("request"):
                raise error
        except BaseException as raised:
            assert graph.use_scope() is default_scope
            return Outcome.of(raised, error)

    expected = request()
    assert contexts.in_empty_context(request) == expected
    if graph_is_pure():
        assert expected == Outcome(True, None, None)


@pytest.mark.parametrize(
    "error_type",
    [
        LookupError,
        OwnLookupError,
        StopIteration,
        StopAsyncIteration,
        asyncio.CancelledError,
        GeneratorExit,
        KeyboardInterrupt,
    ],
)
def test_an_error_in_an_async_scope_passes_through(
    graph: Graph, default_scope: SyncScope, error_type: "type[BaseException]"
) -> None:
    """As in the context that built the graph, and the scope is left."""
    error = error_type("of the user's own")

    async def request() -> Outcome:
        try:
            async with graph.ascope("request"):
                raise error
        except BaseException as raised:
            assert graph.use_scope() is default_scope
            return Outcome.of(raised, error)

    expected = asyncio.run(request())
    assert contexts.run_in_empty_context(request) == expected
    if graph_is_pure():
        assert expected == Outcome(True, None, None)


def test_a_cancelled_task_leaves_its_scope(
    graph: Graph, default_scope: SyncScope
) -> None:
    """The cancellation arrives, and the resources of the scope are closed."""
    closed = []

    async def request(entered: "asyncio.Future[None]") -> None:
        async with graph.ascope("request") as scope:

            async def close() -> None:
                closed.append("request")

            scope._stack.push_async_callback(close)
            entered.set_result(None)
            await asyncio.get_running_loop().create_future()

    async def main() -> None:
        entered = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(request(entered))
        await asyncio.wait({task, entered}, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    contexts.run_in_thread(main)

    assert closed == ["request"]


def test_what_leaving_a_scope_raises_is_raised(graph: Graph) -> None:
    """An error of a resource's own end, after an error of the body."""

    def fail() -> None:
        raise ValueError("of the resource")

    def request() -> None:
        with pytest.raises(ValueError, match="of the resource") as raised:
            with graph.scope() as scope:
                scope._stack.callback(fail)
                raise KeyError("of the body")
        assert isinstance(raised.value.__context__, KeyError)

    contexts.in_new_thread(request)


@unchanged
def test_a_user_error_has_no_frame_of_ours_left_behind(graph: Graph) -> None:
    """contextlib restores the traceback of what passes through a scope."""
    try:
        with graph.scope():
            raise KeyError("of the user's own")
    except KeyError as error:
        traceback: Any = error.__traceback__
        assert traceback.tb_next is None


@unchanged
def test_scopes_are_what_contextlib_returns(graph: Graph) -> None:
    """Of contextlib's classes in all that can be seen, and decorators like them."""

    @contextlib.contextmanager
    def sync_manager() -> Any:
        yield

    @contextlib.asynccontextmanager
    async def async_manager() -> Any:
        yield

    manager, amanager = graph.scope("request"), graph.ascope("request")

    for scope, made in ((manager, sync_manager()), (amanager, async_manager())):
        theirs = type(made)
        assert isinstance(scope, theirs)
        for attribute in ("__name__", "__qualname__", "__module__", "__doc__"):
            assert getattr(type(scope), attribute) == getattr(theirs, attribute)
        assert repr(scope).partition(" at ")[0] == repr(made).partition(" at ")[0]
        assert scope.__doc__ == made.__doc__
        assert set(vars(scope)) == set(vars(made))
        for name in ("__enter__", "__aenter__"):
            if hasattr(theirs, name):
                enter, entered = getattr(type(scope), name), getattr(theirs, name)
                assert enter.__qualname__ == entered.__qualname__
                assert inspect.iscoroutinefunction(
                    enter
                ) == inspect.iscoroutinefunction(entered)
    assert isinstance(manager, contextlib.AbstractContextManager)
    assert isinstance(manager, contextlib.ContextDecorator)
    assert isinstance(amanager, contextlib.AbstractAsyncContextManager)

    async def enter() -> None:
        async with amanager:
            pass

    asyncio.run(enter())


@unchanged
def test_a_method_may_be_called_on_its_class_with_self_by_name(
    graph: Graph, knows_graphs: bool
) -> None:
    """As any function may, and without self it says what is missing."""
    if not knows_graphs:
        pytest.skip("compiled methods take self by position only")
    methods: Any = Graph

    with methods.scope(self=graph, name="request") as scope:
        assert scope.name == "request"
        assert methods.use_scope(self=graph) is scope
    for call in (methods.scope, methods.ascope, methods.use_scope):
        with pytest.raises(TypeError, match="self"):
            call()


@unchanged
def test_a_scope_can_be_entered_only_once(graph: Graph) -> None:
    """It says the same the second time as contextlib's own does."""

    @contextlib.contextmanager
    def manager() -> Any:
        yield

    errors: list[BaseException] = []
    for scope in (manager(), graph.scope("request")):
        with scope:
            pass
        try:
            with scope:
                pytest.fail("entered again")
        except (AttributeError, RuntimeError) as error:
            errors.append(error)
    assert type(errors[0]) is type(errors[1])


@unchanged
def test_wrong_arguments_raise_when_the_method_is_called(graph: Graph) -> None:
    """Not when what it returns is entered."""
    for method in (graph.scope, graph.ascope, graph.use_scope):
        untyped: Any = method
        with pytest.raises(TypeError):
            untyped("name", "one too many")
        with pytest.raises(TypeError):
            untyped(unknown=True)


@unchanged
def test_a_graph_is_resolved_like_any_dependency(graph: Graph) -> None:
    """It injects itself."""
    assert graph.resolve(Graph) is graph


@unchanged
def test_the_variable_is_a_context_variable() -> None:
    """By its name, its representation and what isinstance says."""
    variable: Any = ididi.graph._SCOPE_CONTEXT

    assert isinstance(variable, ContextVar)
    assert variable.name == "idid_scope_ctx"
    assert repr(variable).startswith("<ContextVar name='idid_scope_ctx'")


@unchanged
def test_the_variable_can_be_asked_with_a_default() -> None:
    """Who brings a default gets it in a context without a scope."""
    default: Any = object()

    assert Context().run(ididi.graph._SCOPE_CONTEXT.get, default) is default


@unchanged
def test_what_somebody_else_has_put_into_the_variable_is_left_alone(
    graph: Graph,
) -> None:
    """Be it no scope at all: ididi deals with it as it always has."""

    class Stranger:
        name = "stranger"

    stranger: Any = Stranger()

    def request() -> None:
        ididi.graph._SCOPE_CONTEXT.set(stranger)
        assert graph.use_scope() is stranger
        with graph.scope() as scope:
            assert scope.pre is stranger
        assert graph.use_scope() is stranger

    async def async_request() -> None:
        ididi.graph._SCOPE_CONTEXT.set(stranger)
        async with graph.ascope() as scope:
            assert scope.pre is stranger
        assert graph.use_scope() is stranger

    Context().run(request)
    Context().run(asyncio.run, async_request())


@unchanged
def test_nothing_in_the_variable_is_nothing_to_warn_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A program may clear it by setting it to None."""
    nothing: Any = None
    Context().run(ididi.graph._SCOPE_CONTEXT.set, nothing)
    assert caplog.records == []


@unchanged
def test_the_usual_workaround_goes_on_working(graph: Graph) -> None:
    """``_SCOPE_CONTEXT.set`` and ``reset``, as some programs do by hand."""
    scope: Any = graph.use_scope(DefaultScopeName)

    def request() -> None:
        token = ididi.graph._SCOPE_CONTEXT.set(scope)
        assert graph.use_scope() is scope
        with graph.scope() as request:
            assert request.pre is scope
        ididi.graph._SCOPE_CONTEXT.reset(token)
        assert ididi.graph._SCOPE_CONTEXT.get(None) is None

    Context().run(request)


@pytest.mark.parametrize(
    "error",
    [
        None,
        pytest.param(ValueError("of the body"), marks=pytest.mark.unchanged),
        pytest.param(LookupError("of the body"), marks=pytest.mark.unchanged),
    ],
)
def test_leaving_a_scope_that_was_not_entered_does_the_same_everywhere(
    graph: Graph, error: "Optional[Exception]"
) -> None:
    """As an exit stack may do, for a scope whose entering has failed."""
    given = (type(error) if error else None, error, None)

    def outcome(leave: "Callable[[], object]") -> object:
        try:
            return leave()
        except BaseException as raised:
            return type(raised), str(raised)

    def leave() -> object:
        return outcome(lambda: graph.scope().__exit__(*given))

    def aleave() -> object:
        return outcome(lambda: asyncio.run(graph.ascope().__aexit__(*given)))

    before = ididi_scopefix.status().seeded
    stopped = RuntimeError, "generator didn't stop"
    for each in (leave, aleave):
        found = contexts.in_empty_context(each)
        assert found == contextvars.copy_context().run(each)
        assert error is not None or found == stopped
    # Given the error at once, ididi looks for no scope.
    assert error is None or ididi_scopefix.status().seeded == before


@unchanged
def test_a_scope_left_in_another_context_raises_as_ever(graph: Graph) -> None:
    """contextvars refuses the token of another context."""
    manager = graph.scope()
    manager.__enter__()
    with pytest.raises(ValueError, match="different Context"):
        Context().run(manager.__exit__, None, None, None)
    ididi.graph._SCOPE_CONTEXT.set(graph.use_scope().pre)

"""Each call answers with the scope of the graph that is asked, and of no other."""

import asyncio
import copy
import pickle
from contextvars import Context, copy_context
from functools import partial
from typing import Any, Callable

import ididi.graph
import pytest
from ididi import Graph
from ididi.config import DefaultScopeName
from ididi.errors import OutOfScopeError

import ididi_scopefix
from tests import contexts
from tests.pythons import collect
from tests.shape import held_by_graphs, knows_graphs

pytestmark = knows_graphs

BaseGraph: Any = Graph
with_and_without_self_inject = pytest.mark.parametrize(
    "build",
    [
        pytest.param(lambda: Context().run(Graph), id="self_inject"),
        pytest.param(
            lambda: Context().run(partial(Graph, self_inject=False)),
            id="no self_inject",
        ),
    ],
)


def own(graph: Any) -> Any:
    """Return the default scope of *graph*, as a context of its own sees it."""
    return Context().run(graph.use_scope)


def assert_answers_for_itself(graph: Any) -> None:
    """Make each call here, and expect that its answers are *graph*'s own."""
    registry = graph._type_registry
    default = graph.use_scope()
    assert default.name == DefaultScopeName
    assert default._type_registry is registry
    with graph.scope("outer") as outer, graph.scope("inner") as inner:
        assert outer.pre is default
        assert inner.pre is outer
        assert inner.use_scope(DefaultScopeName) is default
    assert outer.use_scope() is default

    async def main() -> None:
        async with graph.ascope() as scope:
            assert scope.pre is default

    asyncio.run(main())
    assert graph.use_scope() is default


def test_graphs_have_default_scopes_of_their_own() -> None:
    """It makes no difference which of them was built last."""
    first, second = Context().run(Graph), Context().run(Graph)
    assert own(first) is own(first) is not own(second) is own(second)


@with_and_without_self_inject
def test_tenants_come_and_go_on_one_thread(build: Callable[[], Any]) -> None:
    """Neither the thread nor a copy of its context answers for a graph that is gone."""

    def serve(graph: Any) -> None:
        assert_answers_for_itself(graph)
        copy_context().run(assert_answers_for_itself, graph)

    with contexts.one_thread() as pool:
        lasting = build()
        for _ in range(5):
            graph = build()
            for each in (graph, lasting, graph):
                pool.submit(serve, each).result()
            del graph, each
            collect()


@with_and_without_self_inject
def test_a_plugin_is_merged_and_dropped(build: Callable[[], Any]) -> None:
    """The application answers where it has merged, and so do copies of that context."""
    app, plugin = build(), build()

    def start() -> None:
        nonlocal plugin
        app.merge(plugin)
        request = open_request(plugin)
        plugin = None
        collect()
        assert_answers_for_itself(app)
        copy_context().run(assert_answers_for_itself, app)
        assert request.use_scope()._type_registry is request._type_registry

    Context().run(start)
    contexts.in_new_thread(lambda: assert_answers_for_itself(app))


def open_request(graph: Any) -> Any:
    """Return a scope of *graph* that a context of its own has opened."""

    def request() -> Any:
        with graph.scope("request") as scope:
            return scope

    return Context().run(request)


@with_and_without_self_inject
def test_a_graph_is_initialised_a_second_time(build: Callable[[], Any]) -> None:
    """The default scope of its first life answers no more, here and elsewhere."""
    graph = build()
    before = own(graph)
    thread = Context()
    thread.run(assert_answers_for_itself, graph)

    Context().run(graph.__init__)

    assert own(graph) is not before
    thread.run(assert_answers_for_itself, graph)


def test_an_initialisation_fails_half_way() -> None:
    """The graph has a new registry then, and no default scope that was made for it."""

    def register_singleton(self: Any, *args: Any, **kwargs: Any) -> None:
        if fails:
            raise OSError("out of luck")
        BaseGraph.register_singleton(self, *args, **kwargs)

    fails: list[bool] = []
    methods = {"register_singleton": register_singleton}
    graph = Context().run(type("Service", (BaseGraph,), methods))
    before = own(graph)
    fails.append(True)
    with pytest.raises(OSError, match="out of luck"):
        Context().run(graph.__init__)

    assert own(graph) is own(graph) is not before
    Context().run(assert_answers_for_itself, graph)


def test_a_shallow_copy_shares_the_default_scope() -> None:
    """It shares all that the scope has, and keeps it when the original is gone."""
    graph: Any = Context().run(Graph)
    default = own(graph)
    copied = copy.copy(graph)
    assert own(copied) is default
    del graph
    collect()
    assert own(copied) is default
    Context().run(assert_answers_for_itself, copied)


@held_by_graphs
def test_a_deep_copy_has_a_default_scope_of_its_own() -> None:
    """The program says itself how to copy the thread pool, which can't be copied."""
    graph: Any = Context().run(partial(Graph, self_inject=False))
    copied: Any = Graph.__new__(Graph)
    shared = {"_token", "_workers"}
    for name, value in vars(graph).items():
        setattr(copied, name, value if name in shared else copy.deepcopy(value))

    assert own(copied) is own(copied) is not own(graph)
    Context().run(assert_answers_for_itself, copied)


class Portable(BaseGraph):
    """A graph that leaves out what can't be pickled."""

    def __getstate__(self) -> "dict[str, Any]":
        state = dict(vars(self))
        for name in ("_workers", "_token", "_resolved_singletons"):
            del state[name]
        return state

    def __setstate__(self, state: "dict[str, Any]") -> None:
        self.__init__()  # type: ignore[misc]
        vars(self).update(state, _resolved_singletons={})


@held_by_graphs
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, None])
def test_a_graph_without_its_pool_can_be_pickled(copied: Any) -> None:
    """What the graph holds of the shim's is pickled and copied as nothing."""
    graph = Context().run(partial(Portable, self_inject=False))
    with graph.scope():  # the graph has been used
        pass
    default = own(graph)
    found = copied(graph) if copied else pickle.loads(pickle.dumps(graph))
    if found._type_registry is not graph._type_registry:
        assert own(found) is not default
    Context().run(assert_answers_for_itself, found)
    assert own(graph) is default


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))]
)
def test_a_type_registry_can_be_copied(copied: Callable[[Any], Any]) -> None:
    """A graph that is given the copy has another default scope from then on."""

    class Service(BaseGraph):  # in 1.4.4 a graph itself can't be changed
        pass

    graph = Context().run(partial(Service, self_inject=False))
    default = own(graph)
    other = Context().run(Service)
    other._type_registry = copied(graph._type_registry)
    assert type(other._type_registry) is type(graph._type_registry)
    assert own(other) is not default
    assert own(graph) is default


@pytest.mark.child
def test_two_modules_of_ididi_do_not_meet() -> None:
    """After ``del sys.modules[...]`` the next import makes a second one."""
    import sys
    from contextvars import Context

    import ididi

    import ididi_scopefix

    modules = [ididi]
    for name in [each for each in sys.modules if each.partition(".")[0] == "ididi"]:
        del sys.modules[name]
    modules.append(__import__("ididi"))
    assert modules[0] is not modules[1]
    assert ididi_scopefix.status().state == "active"
    graphs = [Context().run(each.Graph) for each in modules]

    def serve(graph):
        default = graph.use_scope()
        assert default._type_registry is graph._type_registry
        with graph.scope() as scope:
            assert scope.pre is default

    for graph in (*graphs, *graphs):
        Context().run(serve, graph)


class Proxy:
    """A proxy of what is not there yet raises whatever it is asked for."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("working outside of application context")


@with_and_without_self_inject
@pytest.mark.parametrize("late", [False, True])
def test_singletons_are_asked_for_nothing(build: Callable[[], Any], late: bool) -> None:
    """They can be proxies that raise when they are asked for anything."""
    if late:
        ididi_scopefix.deactivate()
    graph = build()
    graph._resolved_singletons[Proxy] = Proxy()
    ididi_scopefix.activate()
    default = contexts.in_new_thread(open_request(graph).use_scope)
    assert default is own(graph)
    Context().run(assert_answers_for_itself, graph)


class Closed(BaseGraph):
    """A graph that is neither true nor false, and takes no attributes of others."""

    def __bool__(self) -> bool:
        raise TypeError("neither true nor false")

    def __eq__(self, other: object) -> bool:
        raise TypeError("nothing compares with it")

    __hash__ = BaseGraph.__hash__

    def __getattr__(self, name: str) -> Any:
        raise KeyError(name)

    def __setattr__(self, name: str, value: object) -> None:
        if "scopefix" in name:
            raise RuntimeError("nobody puts anything into this one")
        super().__setattr__(name, value)


@pytest.mark.parametrize("options", [{}, {"self_inject": False}])
def test_the_methods_of_a_subclass_are_not_called(options: "dict[str, bool]") -> None:
    """What it makes of its truth, of equality and of attributes is for the program."""
    build = partial(Closed, **options)
    graphs = [Context().run(build), Context().run(build)]
    for graph in graphs:
        Context().run(assert_answers_for_itself, graph)
    assert own(graphs[0]) is contexts.in_new_thread(open_request(graphs[0]).use_scope)


def test_a_subclass_that_overrides_each_call_answers() -> None:
    """What it adds is done, and ``super()`` tells which graph is asked."""
    done = []

    class Service(BaseGraph):
        def use_scope(self, *args: Any, **kwargs: Any) -> Any:
            done.append("use_scope")
            return super().use_scope(*args, **kwargs)

        def scope(self, *args: Any, **kwargs: Any) -> Any:
            done.append("scope")
            return super().scope(*args, **kwargs)

    graph = Context().run(Service)
    Context().run(Graph)
    Context().run(assert_answers_for_itself, graph)
    assert {"use_scope", "scope"} <= set(done)


def test_a_scope_within_another_graph_s_answers_for_its_own() -> None:
    """The chain that it is part of ends at the default scope of the other graph."""
    first, second = Context().run(Graph), Context().run(Graph)

    def nested() -> Any:
        with first.scope("outer") as outer, second.scope("request") as request:
            assert request.pre is outer
            assert second.use_scope() is request
            assert second.use_scope(DefaultScopeName) is own(first)
            with pytest.raises(OutOfScopeError):
                second.use_scope("unknown")
        return request

    request = Context().run(nested)
    assert contexts.in_new_thread(request.use_scope) is own(second)


def test_a_scope_answers_for_its_graph_after_a_merge() -> None:
    """From then on the scopes of a graph that has merged inject the other one."""
    first, second = Context().run(Graph), Context().run(Graph)
    Context().run(second.merge, first)
    request = open_request(second)
    assert request.resolve(Graph) is first
    assert contexts.in_new_thread(request.use_scope) is own(second)


@pytest.mark.parametrize("late", [False, True])
def test_graphs_can_share_a_thread_pool(late: bool) -> None:
    """Each has its own default scope all the same, built before activation or after."""
    if late:
        ididi_scopefix.deactivate()
    first: Any = Context().run(Graph)
    second = Context().run(partial(Graph, workers=first._workers))
    if late:
        ididi_scopefix.activate()
    for graph in (first, second, first):
        Context().run(assert_answers_for_itself, graph)


@pytest.mark.unchanged
def test_a_name_of_a_scope_is_not_compared(graph: Graph) -> None:
    """A name can be anything that has a hash, and may raise when it is compared."""

    class Name:
        __hash__ = object.__hash__

        def __eq__(self, other: object) -> bool:
            raise RuntimeError("compared")

    name = Name()
    with graph.scope(name) as scope:  # type: ignore[arg-type,unused-ignore]
        assert scope.name is name


def test_a_stranger_in_the_variable_is_left_alone(graph: Graph) -> None:
    """What somebody else has set there is no scope, and ididi deals with it."""

    class Stranger:
        name = "stranger"

    stranger: Any = Stranger()

    def request() -> None:
        ididi.graph._SCOPE_CONTEXT.set(stranger)
        assert graph.use_scope() is stranger
        with graph.scope() as scope:
            assert scope.pre is stranger
        default = contexts.in_new_thread(scope.use_scope)
        assert default.name == DefaultScopeName

    Context().run(request)

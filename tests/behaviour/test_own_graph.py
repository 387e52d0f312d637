"""Each call answers with the scope of the graph that is asked, and of no other."""

import asyncio
import copy
import pickle
from contextvars import Context, copy_context
from functools import partial
from typing import Any

import pytest
from ididi import Graph
from ididi.config import DefaultScopeName

import ididi_scopefix
from tests import contexts
from tests.pythons import collect
from tests.shape import holds_default_scopes, knows_graphs

pytestmark = knows_graphs

BaseGraph: Any = Graph
with_and_without_self_inject = pytest.mark.parametrize("self_inject", [True, False])


def build(self_inject: bool) -> Any:
    """Return a graph that was built in a context of its own."""
    return Context().run(partial(Graph, self_inject=self_inject))


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


@with_and_without_self_inject
def test_tenants_come_and_go_on_one_thread(self_inject: bool) -> None:
    """Neither the thread nor a copy of its context answers for a graph that is gone."""

    def serve(graph: Any) -> None:
        assert_answers_for_itself(graph)
        copy_context().run(assert_answers_for_itself, graph)

    with contexts.one_thread() as pool:
        lasting = build(self_inject)
        for _ in range(5):
            graph = build(self_inject)
            for each in (graph, lasting, graph):
                pool.submit(serve, each).result()
            del graph, each
            collect()


@with_and_without_self_inject
def test_a_plugin_is_merged_and_dropped(self_inject: bool) -> None:
    """The application answers for itself, and so does a scope of the plugin's."""
    app, plugin = build(self_inject), build(self_inject)
    Context().run(app.merge, plugin)
    served, left = open_request(app), open_request(plugin)
    plugin = None
    collect()
    assert contexts.in_new_thread(served.use_scope) is own(app)
    found = contexts.in_new_thread(left.use_scope)
    assert found._type_registry is left._type_registry
    Context().run(assert_answers_for_itself, app)


def open_request(graph: Any, name: Any = "request") -> Any:
    """Return a scope of *graph* that a context of its own has opened."""

    def request() -> Any:
        with graph.scope(name) as scope:
            return scope

    return Context().run(request)


@pytest.mark.shim
def test_a_graph_is_initialised_a_second_time() -> None:
    """It has a new default scope, also where the initialisation fails half-way."""

    class Service(BaseGraph):
        def register_singleton(self, *args: Any, **kwargs: Any) -> None:
            if fails:
                raise OSError("out of luck")
            super().register_singleton(*args, **kwargs)

    fails = False
    graph = Context().run(Service)
    first = own(graph)

    Context().run(graph.__init__)

    second = own(graph)
    assert second is not first
    Context().run(assert_answers_for_itself, graph)
    fails = True
    with pytest.raises(OSError, match="out of luck"):
        Context().run(graph.__init__)

    assert own(graph) is own(graph) is not second
    Context().run(assert_answers_for_itself, graph)


@pytest.mark.shim
def test_a_graph_that_asks_while_it_is_built_has_one_scope() -> None:
    """All contexts get the one that the context it was built in has."""

    class Eager(BaseGraph):
        def register_singleton(self, *args: Any, **kwargs: Any) -> None:
            assert contexts.in_new_thread(self.use_scope).name == DefaultScopeName
            super().register_singleton(*args, **kwargs)

    context = Context()
    graph = context.run(Eager)
    assert own(graph) is context.run(graph.use_scope)


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


# With the fix for ididi itself, a subclass has to leave out ``_default_scope`` as well.
PORTED = [pytest.param(each, marks=pytest.mark.shim) for each in (copy.deepcopy, None)]


@pytest.mark.skipif(
    not holds_default_scopes(), reason="the pool holds the default scope there"
)
@pytest.mark.parametrize("copied", [copy.copy, *PORTED])
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


class Proxy:
    """A proxy of what is not there yet raises whatever it is asked for."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("working outside of application context")


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


@with_and_without_self_inject
@pytest.mark.parametrize("late", [False, True])
def test_the_program_s_objects_are_asked_for_nothing(
    late: bool, self_inject: bool
) -> None:
    """What they make of truth, equality and attributes is for the program."""
    if late:
        ididi_scopefix.deactivate()
    graph = Context().run(partial(Closed, self_inject=self_inject))
    graph._resolved_singletons[Proxy] = Proxy()
    ididi_scopefix.activate()
    # A scope's name can be anything that has a hash, and is not compared either.
    request = open_request(graph, name=graph)
    default = contexts.in_new_thread(request.use_scope)
    assert default is own(graph)
    Context().run(assert_answers_for_itself, graph)


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

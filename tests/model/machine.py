"""A model of which scope answers a call, and a machine that tries to break it.

The model knows which scope each context has, if any: only opening and closing one,
building a graph and ``seed()`` change that. In a context that has one, it answers.
In any other, the default scope of the graph that asks does, while the shim is active;
in compiled releases, that of the graph built last. :meth:`Machine.ask` says so, and
all the rest makes the calls, in real contexts, and compares.
"""

import asyncio
import gc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Annotated, Any, Callable, Generator, Optional, TypeVar  # noqa: UP035
from weakref import ref

import ididi.graph
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from ididi import Graph, use
from ididi.config import DefaultScopeName
from ididi.errors import MergeWithScopeStartedError, OutOfScopeError

import ididi_scopefix
from tests.pythons import IS_PYPY, READS_ANNOTATIONS, collect
from tests.shape import clear_caches, has_mutable_classes

T = TypeVar("T")

DEADLINE = 60
"""Seconds after which a call that does not come back is a failure."""

LOOP = asyncio.new_event_loop()
LOOP.close()
IS_COMPILED = not has_mutable_classes()
NAMES = ["", "request", "outer", "inner", DefaultScopeName, 0, 7, ("a", 1), None, True]
# Compiled releases open scopes with names that are strings, and no others.
NAMES_TO_OPEN = [each for each in NAMES if isinstance(each, str) or not IS_COMPILED]


class Connection:
    """A resource: whoever needs one needs a scope."""


def open_connection() -> Generator[Connection, None, None]:
    """The factory of the resource."""
    yield Connection()


class ModelScope:
    """What the model knows of a scope. It does not keep the scope alive."""

    def __init__(
        self, scope: Any, graph: "ModelGraph", parent: "Optional[ModelScope]"
    ) -> None:
        self.id, self.name = id(scope), scope.name
        self.is_sync = isinstance(scope, ididi.graph.SyncScope)
        self.graph, self.parent = graph, parent

    def chain(self) -> "Iterator[ModelScope]":
        """Yield the scope and those above it."""
        scope: Optional[ModelScope] = self
        while scope is not None:
            yield scope
            scope = scope.parent


class ModelGraph:
    """What the model knows of a graph.

    Attributes:
        graph: the graph, until the program drops it.
        entry: an entry function of the graph, which returns the name of the scope
            that it runs in, and the ``id`` of the scope above.
    """

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self._default: Optional[ModelScope] = None
        self._workers = ref(graph._workers)
        # Where graphs have no weak references, the thread pool holds the scope.
        is_held_by_graph = hasattr(graph._type_registry, "__dict__")
        self._holder: Any = ref(graph) if is_held_by_graph else self._workers

        def entry(connection: Annotated[Connection, use(open_connection)]) -> Any:
            scope = graph.use_scope()
            assert isinstance(connection, Connection)
            return scope.name, id(scope.pre)

        self.entry: Any = graph.entry(entry) if READS_ANNOTATIONS else None

    @property
    def default(self) -> Optional[ModelScope]:
        """Its default scope, or ``None`` while nobody has needed it."""
        if self._holder() is None:
            # A scope can outlive its graph. It needs a new default scope then.
            self._default, self._holder = None, self._workers
        return self._default

    @default.setter
    def default(self, scope: ModelScope) -> None:
        self._default = scope

    def is_alive(self) -> bool:
        """Tell whether the graph or a scope of it is still there."""
        return self._workers() is not None

    def owns(self, scope: Any) -> bool:
        """Tell whether *scope* is one of this graph."""
        return self._workers() is scope._workers

    def drop(self) -> None:
        """Forget the graph itself."""
        self.graph = self.entry = None


@dataclass(eq=False)
class ModelContext:
    """A way to make calls in a context, and the scope that the context has."""

    run: Callable[[Callable[[], Any]], Any]
    scope: Optional[ModelScope] = None

    def call(self, function: Callable[[], Any]) -> Any:
        """Call *function* in the context."""
        return self.run(lambda: finish(function()))


@dataclass(eq=False)
class OpenScope:
    """A scope that is open in a context, and the one that the context had before."""

    scope: Any
    model: ModelScope
    leave: Callable[..., Any]
    context: ModelContext
    before: Optional[ModelScope]


def guards_itself() -> bool:
    """Tell whether plain ididi opens a scope in a context without one."""
    ididi_scopefix.deactivate()
    try:
        context, graph = Context(), Context().run(Graph)
        manager = graph.scope()
        context.run(manager.__enter__)
        context.run(manager.__exit__, None, None, None)
    except LookupError:
        return False
    finally:
        ididi_scopefix.activate()
    return True


class Machine(RuleBasedStateMachine):
    """Does what programs do, and knows what they are to see."""

    steps = 0
    guards_itself = guards_itself()

    def __init__(self) -> None:
        super().__init__()
        # What is freed is freed when the machine says so.
        gc.disable()
        clear_caches()
        collect()
        if not IS_PYPY:
            gc.freeze()  # the collector passes over what was there before
        ididi_scopefix.activate()
        self.active = True
        self.fallbacks = ididi_scopefix.status().fallbacks
        self.pools: list[ThreadPoolExecutor] = []
        self.contexts: list[ModelContext] = []
        self.graphs: list[ModelGraph] = []
        self.dropped: list[ModelGraph] = []
        self.known: list[ModelGraph] = []  # to the shim, in the order it met them
        self.open: list[OpenScope] = []
        self.empty_context()
        self.pool_thread()

    @initialize(is_late=st.booleans())
    def start(self, is_late: bool) -> None:
        """Build a graph before the shim is activated in another context, or after."""
        building, other = self.contexts
        if is_late:
            ididi_scopefix.deactivate()
            self.active = False
        self.build(building, self_inject=True)
        if is_late:
            self.activate_in(other)

    # The model.

    def ask(
        self, context: ModelContext, graph: ModelGraph, resolver: Any, call: Any
    ) -> tuple[Any, Optional[ModelScope]]:
        """Make *call*, by which *resolver*, of *graph*, asks for a scope in *context*.

        Returns:
            What the call returned, or the type of what it raised; and the scope that
            has to have answered it, if any.
        """
        try:
            result = context.call(call)
        except (LookupError, OutOfScopeError, MergeWithScopeStartedError) as error:
            result = type(error)
        if context.scope is not None or not self.active:
            return result, context.scope
        self.fallbacks += 1
        if IS_COMPILED:
            known = [each for each in self.known if each.is_alive()]
            graph = known[-1] if known else self.meet(resolver)
        elif graph.default is None:
            assert self.meet(resolver) is graph
        return result, graph.default

    def meet(self, resolver: Any) -> ModelGraph:
        """Return the graph whose default scope answers *resolver*, and learn of it."""
        self.fallbacks += 1
        scope = Context().run(resolver.use_scope)
        assert not isinstance(scope.pre, ididi.graph.Resolver)
        graphs = [*self.graphs, *self.dropped]
        (graph,) = (each for each in graphs if each.owns(scope))
        self.learn(ModelScope(scope, graph, None))
        assert graph.default is not None
        assert graph.default.id == id(scope)
        return graph

    def learn(self, scope: Optional[ModelScope]) -> None:
        """Take the default scope above *scope*, if any, for its graph's."""
        if scope is None:
            return
        *_, root = scope.chain()
        is_default = root.name == DefaultScopeName and root.is_sync
        if is_default and root.graph.default is None:
            root.graph.default = root
            if self.active:
                self.known.append(root.graph)

    # Graphs.

    def build(self, context: ModelContext, self_inject: bool) -> None:
        graph = ModelGraph(context.call(lambda: Graph(self_inject=self_inject)))
        self.graphs.append(graph)
        scope = context.call(lambda: ididi.graph._SCOPE_CONTEXT.get(None))
        context.scope = ModelScope(scope, graph, None)
        if self.active:
            self.learn(context.scope)

    @precondition(lambda self: len(self.graphs) < 5)
    @rule(data=st.data(), self_inject=st.booleans())
    def build_graph(self, data: st.DataObject, self_inject: bool) -> None:
        self.build(self.a_context(data), self_inject)

    @precondition(lambda self: len(self.graphs) > 1)
    @rule(data=st.data())
    def drop_graph(self, data: st.DataObject) -> None:
        graph = pick(data, self.graphs)
        self.graphs.remove(graph)
        self.dropped.append(graph)
        graph.drop()

    @rule()
    def collect_garbage(self) -> None:
        clear_caches()
        collect()

    @rule(data=st.data())
    def merge(self, data: st.DataObject) -> None:
        context = self.a_context(data)
        graph, other = (pick(data, self.graphs) for _ in range(2))
        result, scope = self.ask(
            context, other, other.graph, lambda: graph.graph.merge([other.graph])
        )
        if scope is None:
            assert result is LookupError
        elif scope.name == DefaultScopeName:
            assert result is None
        else:
            assert result is MergeWithScopeStartedError

    # Contexts.

    def empty_context(self) -> None:
        self.contexts.append(ModelContext(Context().run))

    def pool_thread(self) -> None:
        pool = ThreadPoolExecutor(max_workers=1)
        self.pools.append(pool)
        # Python 3.14 lets a thread start in a copy of the context it comes from.
        Context().run(pool.submit, int).result()
        run = lambda call: pool.submit(call).result(DEADLINE)
        self.contexts.append(ModelContext(run))

    @precondition(lambda self: len(self.contexts) < 9)
    @rule(data=st.data(), kind=st.sampled_from(["empty", "pool thread", "copied"]))
    def new_context(self, data: st.DataObject, kind: str) -> None:
        if kind == "empty":
            self.empty_context()
        elif kind == "pool thread":
            self.pool_thread()
        else:
            origin = self.a_context(data)
            copied = origin.call(copy_context)
            self.contexts.append(ModelContext(copied.run, origin.scope))

    # Scopes.

    @rule(data=st.data(), name=st.sampled_from(NAMES_TO_OPEN), is_async=st.booleans())
    def open_scope(self, data: st.DataObject, name: Any, is_async: bool) -> None:
        """The method can be called in one context and its scope opened in another."""
        elsewhere, context = self.a_context(data), self.a_context(data)
        graph, resolver = self.a_resolver(data)
        make = resolver.ascope if is_async else resolver.scope
        manager = elsewhere.call(lambda: make(name))
        enter = manager.__aenter__ if is_async else manager.__enter__
        scope, parent = self.ask(context, graph, resolver, enter)
        if scope is LookupError:
            assert parent is None
            assert not self.guards_itself
            return
        if parent is None:
            assert self.guards_itself
            assert not isinstance(scope.pre, ididi.graph.Resolver)
        else:
            assert id(scope.pre) == parent.id
        model = ModelScope(scope, graph, parent)
        leave = manager.__aexit__ if is_async else manager.__exit__
        self.open.append(OpenScope(scope, model, leave, context, context.scope))
        context.scope = model
        if self.active and model.is_sync and name == DefaultScopeName:
            self.learn(model)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def close_scope(self, data: st.DataObject) -> None:
        self.close(pick(data, self.open))

    def close(self, opened: OpenScope) -> None:
        self.open.remove(opened)
        opened.context.call(lambda: opened.leave(None, None, None))
        opened.context.scope = opened.before

    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def use_scope(self, data: st.DataObject, name: Any) -> None:
        context = self.a_context(data)
        graph, resolver = self.a_resolver(data)
        found, scope = self.ask(
            context, graph, resolver, lambda: id(resolver.use_scope(name))
        )
        if scope is None:
            assert found is LookupError
        elif not name:
            assert found == scope.id
        else:
            named = (each.id for each in scope.chain() if each.name == name)
            assert found == next(named, OutOfScopeError)

    # ididi up to 1.8.4 has no entry functions on Python 3.15.
    @precondition(lambda self: READS_ANNOTATIONS)
    @rule(data=st.data())
    def call_entry_function(self, data: st.DataObject) -> None:
        context, graph = self.a_context(data), pick(data, self.graphs)
        result, scope = self.ask(context, graph, graph.graph, graph.entry)
        if scope is not None:
            assert result == ("", scope.id)
        elif self.guards_itself:
            assert result[0] == ""
        else:
            assert result is LookupError

    # The shim.

    @rule(data=st.data())
    def seed(self, data: st.DataObject) -> None:
        context, graph = self.a_context(data), pick(data, self.graphs)
        scope = context.call(lambda: ididi_scopefix.seed(graph.graph))
        if not self.active:
            self.learn(context.scope)
        self.learn(ModelScope(scope, graph, None))
        assert graph.default is not None
        assert graph.default.id == id(scope)
        if self.active and context.scope is None:
            context.scope = graph.default

    @rule(data=st.data())
    def activate(self, data: st.DataObject) -> None:
        self.activate_in(self.a_context(data))

    def activate_in(self, context: ModelContext) -> None:
        assert context.call(ididi_scopefix.activate).state == "active"
        if not self.active:
            self.active = True
            self.learn(context.scope)

    @rule(data=st.data())
    def deactivate(self, data: st.DataObject) -> None:
        context = self.a_context(data)
        assert context.call(ididi_scopefix.deactivate).state == "disabled"
        self.active = False

    # What is compared after each step, and at the end.

    @invariant()
    def contexts_hold_their_scope_and_nothing_else(self) -> None:
        Machine.steps += 1
        for context in self.contexts:
            seen = [id(value) for value in context.call(copy_context).values()]
            assert seen == ([] if context.scope is None else [context.scope.id])

    @invariant()
    def fallbacks_are_counted(self) -> None:
        assert ididi_scopefix.status().fallbacks == self.fallbacks

    def teardown(self) -> None:
        while self.open:
            self.close(self.open[-1])
        self.contexts.clear()
        while self.pools:
            self.pools.pop().shutdown()
        ididi_scopefix.activate()
        graphs = [*self.graphs, *self.dropped]
        for graph in graphs:
            graph.drop()
        clear_caches()
        collect()
        # Where a scope was closed by a finalizer, PyPy keeps its graph for longer.
        assert IS_PYPY or not any(graph.is_alive() for graph in graphs)

    # What the rules choose from.

    def a_context(self, data: st.DataObject) -> ModelContext:
        return pick(data, self.contexts)

    def a_resolver(self, data: st.DataObject) -> tuple[ModelGraph, Any]:
        """Draw a graph, or a scope that is open, whose graph can be dropped."""
        resolvers: list[tuple[Any, Any]] = [(each, each.graph) for each in self.graphs]
        resolvers += [(opened.model.graph, opened.scope) for opened in self.open]
        return pick(data, resolvers)


def finish(result: Any) -> Any:
    """Return *result*, or if it is a coroutine, which waits for nothing, what it does.

    A loop would run it in a copy of the context. Asynchronous scopes need to see one.
    """
    if not asyncio.iscoroutine(result):
        return result
    asyncio._set_running_loop(LOOP)
    try:
        result.send(None)
    except StopIteration as stop:
        return stop.value
    finally:
        asyncio._set_running_loop(None)
    raise AssertionError("it waits")


def pick(data: st.DataObject, candidates: list[T]) -> T:
    """Draw one of *candidates*, so that hypothesis does not keep it alive."""
    return candidates[data.draw(st.integers(0, len(candidates) - 1))]

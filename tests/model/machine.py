"""A model of which scope each context sees, and a machine that tries to break it.

The model is :meth:`Machine.ensure_scope` and the value it keeps for each context. All
the rest makes the calls, in real contexts, and compares.
"""

import asyncio
from contextvars import Context
from typing import Annotated, Any, Callable, Generator, Optional, TypeVar  # noqa: UP035
from weakref import ref

import ididi.graph
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from ididi import Graph, use
from ididi.config import DefaultScopeName
from ididi.errors import MergeWithScopeStartedError, OutOfScopeError

import ididi_scopefix
from tests.model.contexts import Plain, PoolThread, RealContext, Task
from tests.pythons import IS_PYPY, READS_ANNOTATIONS, collect
from tests.shape import clear_caches, has_mutable_classes

T = TypeVar("T")


class Connection:
    """A resource: whoever needs one needs a scope."""


def open_connection() -> Generator[Connection, None, None]:
    """The factory of the resource."""
    yield Connection()


def guards_itself() -> bool:
    """Tell whether plain ididi opens a scope in a context without one."""
    ididi_scopefix.deactivate()
    try:
        graph = Context().run(Graph)
        with Context().run(graph.scope):
            pass
    except LookupError:
        return False
    except ValueError:
        # Entered and left in different contexts: it was entered.
        return True
    finally:
        ididi_scopefix.activate()
    return True


class ModelGraph:
    """What the model knows of a graph.

    Attributes:
        graph: the graph, until the program drops it.
        default: its default scope; ``None`` while nobody knows it.
    """

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.default: Optional[ModelScope] = None
        # Of the graph itself there is no weak reference on every release.
        self._workers = ref(graph._workers)

        def entry(connection: Annotated[Connection, use(open_connection)]) -> Any:
            scope = graph.use_scope()
            assert isinstance(connection, Connection)
            return scope.name, id(scope.pre)

        self.entry: Any = graph.entry(entry) if READS_ANNOTATIONS else None

    def drop(self) -> None:
        self.graph = self.entry = None

    def is_alive(self) -> bool:
        return self._workers() is not None

    def owns(self, scope: Any) -> bool:
        return self._workers() is scope._workers


class ModelScope:
    """What the model knows of a scope. It does not keep the scope alive."""

    def __init__(
        self, scope: Any, graph: Optional[ModelGraph], parent: "Optional[ModelScope]"
    ) -> None:
        self.id = id(scope)
        self.name = scope.name
        self.graph = graph
        self.parent = parent

    def chain(self) -> "Generator[ModelScope, None, None]":
        scope: Optional[ModelScope] = self
        while scope is not None:
            yield scope
            scope = scope.parent


class ModelContext:
    """What the model knows of a context.

    Attributes:
        real: the context itself, to make calls in.
        value: the scope it sees; ``None``: it is without one.
        seed: the default scope it was seeded with last. Where this is its
            value, the value is a bare seed.
    """

    def __init__(
        self, real: RealContext, origin: "Optional[ModelContext]" = None
    ) -> None:
        self.real = real
        self.value = origin.value if origin else None
        self.seed = origin.seed if origin else None


class OpenScope:
    """A scope that is open, and what its context goes back to."""

    def __init__(self, manager: Any, scope: Any, is_async: bool) -> None:
        self.manager = manager
        self.scope = scope
        self.is_async = is_async
        self.context: ModelContext
        self.model: ModelScope
        self.before: Optional[ModelScope]


# Compiled releases open scopes with names that are strings, and no others.
NAMES_TO_OPEN = st.sampled_from(
    ["", "request", "outer", "inner", DefaultScopeName]
    + ([0, 7, ("a", 1), None, True] if has_mutable_classes() else [])
)
NAMES = st.sampled_from(
    ["", "request", "outer", "inner", 0, 7, ("a", 1), None, True, DefaultScopeName]
)


class Machine(RuleBasedStateMachine):
    """Does what programs do, and knows what they are to see."""

    steps = 0
    knows_graphs = has_mutable_classes()
    guards_itself = guards_itself()

    def __init__(self) -> None:
        super().__init__()
        ididi_scopefix.activate()
        # Nothing of an earlier run is left to be found.
        clear_caches()
        collect()
        self.active = True
        self.loop = asyncio.new_event_loop()
        self.contexts = [
            ModelContext(Plain(Context())),
            ModelContext(PoolThread()),
            ModelContext(Task(self.loop, Context())),
        ]
        self.graphs: list[ModelGraph] = []
        self.dropped: list[ModelGraph] = []
        self.built: list[ModelGraph] = []
        """In compiled releases: the graphs that are known, oldest first."""
        self.open: list[OpenScope] = []
        self.build(self.contexts[0])

    # The model.

    def ensure_scope(self, context: ModelContext, graph: ModelGraph) -> bool:
        """Work out what a call for *graph* makes *context* see.

        Returns:
            Whether the default scope is one the model has not met: the caller
            finds out with :meth:`meet`.
        """
        if not self.active:
            return False
        if context.value is not None and context.value is not context.seed:
            return False
        if not self.knows_graphs:
            known = [graph for graph in self.built if graph.is_alive()]
            if not known:
                return True
            graph = known[-1]
        if graph.default is None:
            return True
        context.value = context.seed = graph.default
        return False

    def meet(self, context: ModelContext, graph: ModelGraph) -> None:
        """Take the default scope with which *context* was seeded as *graph*'s."""
        scope = context.real.call(lambda: ididi.graph._SCOPE_CONTEXT.get(None))
        if isinstance(scope.pre, ididi.graph.Resolver):
            scope = scope.pre
        assert scope.name == DefaultScopeName
        assert not isinstance(scope.pre, ididi.graph.Resolver)
        if self.knows_graphs:
            assert graph.owns(scope)
        else:
            (graph,) = [
                each for each in (*self.graphs, *self.dropped) if each.owns(scope)
            ]
            self.built.append(graph)
        if graph.default is None:
            graph.default = ModelScope(scope, graph, None)
        assert id(scope) == graph.default.id
        context.value = context.seed = graph.default

    # Graphs.

    def build(self, context: ModelContext) -> None:
        graph = ModelGraph(context.real.call(Graph))
        scope = context.real.call(lambda: ididi.graph._SCOPE_CONTEXT.get(None))
        assert graph.owns(scope)
        context.value = ModelScope(scope, graph, None)
        if self.active:
            graph.default = context.value
            self.built.append(graph)
        self.graphs.append(graph)

    @precondition(lambda self: len(self.graphs) < 5)
    @rule(data=st.data())
    def build_graph(self, data: st.DataObject) -> None:
        self.build(self.a_context(data))

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

    # Contexts.

    @precondition(lambda self: len(self.contexts) < 9)
    @rule(kind=st.sampled_from([Plain, PoolThread, Task]))
    def fresh_context(self, kind: Any) -> None:
        if kind is PoolThread:
            real: RealContext = PoolThread()
        elif kind is Task:
            real = Task(self.loop, Context())
        else:
            real = Plain(Context())
        self.contexts.append(ModelContext(real))

    @precondition(lambda self: len(self.contexts) < 9)
    @rule(data=st.data(), as_task=st.booleans())
    def copied_context(self, data: st.DataObject, as_task: bool) -> None:
        origin = self.a_context(data)
        copied = origin.real.copy()
        real: RealContext = Task(self.loop, copied) if as_task else Plain(copied)
        self.contexts.append(ModelContext(real, origin))

    # Scopes.

    @rule(data=st.data(), name=NAMES_TO_OPEN)
    def open_scope(self, data: st.DataObject, name: Any) -> None:
        context = self.a_context(data)
        graph, resolver = self.a_resolver(data)

        def enter() -> OpenScope:
            manager = resolver.scope(name)
            return OpenScope(manager, manager.__enter__(), False)

        self.enter(context, graph, enter)

    @rule(data=st.data(), name=NAMES_TO_OPEN)
    def open_async_scope(self, data: st.DataObject, name: Any) -> None:
        context = self.a_context(data, has_loop=True)
        graph, resolver = self.a_resolver(data)

        async def enter() -> OpenScope:
            manager = resolver.ascope(name)
            return OpenScope(manager, await manager.__aenter__(), True)

        self.enter(context, graph, enter)

    @rule(data=st.data(), name=NAMES_TO_OPEN, is_async=st.booleans())
    def open_scope_made_elsewhere(
        self, data: st.DataObject, name: Any, is_async: bool
    ) -> None:
        elsewhere = self.a_context(data)
        context = self.a_context(data, has_loop=is_async)
        graph, resolver = self.a_resolver(data)
        make = resolver.ascope if is_async else resolver.scope
        manager = elsewhere.real.call(lambda: make(name))

        async def enter_async() -> OpenScope:
            return OpenScope(manager, await manager.__aenter__(), True)

        def enter() -> OpenScope:
            return OpenScope(manager, manager.__enter__(), False)

        self.enter(context, graph, enter_async if is_async else enter)

    def expect(self, error: LookupError, context: ModelContext) -> None:
        """Compare with what plain ididi does in a context without a scope."""
        assert type(error) is LookupError
        assert context.value is None
        assert not self.active
        assert not self.guards_itself

    def enter(
        self, context: ModelContext, graph: ModelGraph, enter: Callable[[], Any]
    ) -> None:
        unknown = self.ensure_scope(context, graph)
        try:
            opened: OpenScope = context.real.call(enter)
        except LookupError as error:
            self.expect(error, context)
            return
        if unknown:
            self.meet(context, graph)
        assert context.value is not None or self.guards_itself
        opened.context = context
        opened.before = context.value
        opened.model = ModelScope(opened.scope, graph, context.value)
        if context.value is None:
            assert not isinstance(opened.scope.pre, ididi.graph.Resolver)
        else:
            assert id(opened.scope.pre) == context.value.id
        context.value = opened.model
        self.open.append(opened)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def close_scope(self, data: st.DataObject) -> None:
        self.close(pick(data, self.open))

    def close(self, opened: OpenScope) -> None:
        self.open.remove(opened)
        leave = opened.manager.__aexit__ if opened.is_async else opened.manager.__exit__
        opened.context.real.call(lambda: leave(None, None, None))
        opened.context.value = opened.before

    @rule(data=st.data(), name=NAMES)
    def use_scope(self, data: st.DataObject, name: Any) -> None:
        context = self.a_context(data)
        graph, resolver = self.a_resolver(data)
        unknown = self.ensure_scope(context, graph)
        try:
            found = context.real.call(lambda: id(resolver.use_scope(name)))
        except LookupError as error:
            assert type(error) is LookupError
            assert context.value is None
            assert not self.active
            return
        except OutOfScopeError:
            found = None
        if unknown:
            self.meet(context, graph)
        assert context.value is not None
        if not name:
            assert found == context.value.id
            return
        named = (scope.id for scope in context.value.chain() if scope.name == name)
        assert found == next(named, None)

    # ididi up to 1.8.4 has no entry functions on Python 3.15.
    @precondition(lambda self: READS_ANNOTATIONS)
    @rule(data=st.data())
    def call_entry_function(self, data: st.DataObject) -> None:
        context = self.a_context(data)
        graph = pick(data, self.graphs)
        unknown = self.ensure_scope(context, graph)
        try:
            name, parent = context.real.call(graph.entry)
        except LookupError as error:
            self.expect(error, context)
            return
        if unknown:
            self.meet(context, graph)
        assert name == ""
        if context.value is not None:
            assert parent == context.value.id

    @rule(data=st.data())
    def merge(self, data: st.DataObject) -> None:
        context = self.a_context(data)
        graph, other = (pick(data, self.graphs) for _ in range(2))
        unknown = self.ensure_scope(context, other)
        answer: Optional[type] = None
        try:
            context.real.call(lambda: graph.graph.merge([other.graph]))
        except (LookupError, MergeWithScopeStartedError) as error:
            answer = type(error)
        if unknown:
            self.meet(context, other)
        if context.value is None:
            assert answer is LookupError
        elif context.value.name == DefaultScopeName:
            assert answer is None
        else:
            assert answer is MergeWithScopeStartedError

    @precondition(lambda self: self.active and self.knows_graphs)
    @rule(data=st.data())
    def seed(self, data: st.DataObject) -> None:
        context = self.a_context(data)
        graph = pick(data, self.graphs)
        default = context.real.call(lambda: ididi_scopefix.seed(graph.graph))
        if graph.default is None:
            assert default.name == DefaultScopeName
            graph.default = ModelScope(default, graph, None)
        assert id(default) == graph.default.id
        assert not self.ensure_scope(context, graph)

    # The shim.

    @rule(data=st.data())
    def activate(self, data: st.DataObject) -> None:
        context = self.a_context(data)
        assert context.real.call(ididi_scopefix.activate).state == "active"
        if not self.active and context.value is not None:
            *_, root = context.value.chain()
            graph = root.graph
            if graph is not None and graph.default is None and is_default(root):
                graph.default = root
                self.built.append(graph)
        self.active = True

    @rule(data=st.data())
    def deactivate(self, data: st.DataObject) -> None:
        context = self.a_context(data)
        assert context.real.call(ididi_scopefix.deactivate).state == "disabled"
        self.active = False

    # What is compared after each step, and at the end.

    @invariant()
    def every_context_sees_what_the_model_says(self) -> None:
        Machine.steps += 1
        for context in self.contexts:
            seen = context.real.call(lambda: id(ididi.graph._SCOPE_CONTEXT.get(None)))
            expected = None if context.value is None else context.value.id
            assert seen == (id(None) if expected is None else expected)

    def teardown(self) -> None:
        while self.open:
            self.close(self.open[-1])
        while self.contexts:
            self.contexts.pop().real.close()
        self.loop.close()
        ididi_scopefix.activate()
        graphs = [*self.graphs, *self.dropped]
        for graph in graphs:
            graph.drop()
        clear_caches()
        collect()
        # Where a scope was closed by a finalizer, PyPy keeps its graph for longer.
        assert IS_PYPY or not [graph for graph in graphs if graph.is_alive()]

    # What the rules choose from.

    def a_context(self, data: st.DataObject, has_loop: bool = False) -> ModelContext:
        return pick(
            data,
            [each for each in self.contexts if each.real.has_loop or not has_loop],
        )

    def a_resolver(self, data: st.DataObject) -> tuple[ModelGraph, Any]:
        """Draw a graph, or a scope that is open, of a graph dropped or not."""
        resolvers: list[tuple[Any, Any]] = [(each, each.graph) for each in self.graphs]
        resolvers += [(opened.model.graph, opened.scope) for opened in self.open]
        return pick(data, resolvers)


def pick(data: st.DataObject, candidates: list[T]) -> T:
    """Draw one of *candidates*, so that hypothesis does not keep it alive."""
    return candidates[data.draw(st.integers(0, len(candidates) - 1))]


def is_default(scope: ModelScope) -> bool:
    return scope.name == DefaultScopeName and scope.parent is None

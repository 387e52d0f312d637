"""A model of which scope answers a call, and a machine that tries to break it.

The model knows which scope each context has, if any: only opening and closing one,
building a graph and ``seed()`` change that. In a context that has one, it answers.
In any other, the default scope of the graph that asks does, while the shim is active;
in compiled releases, that of the graph built last. :meth:`Machine.ask` says so, and
all the rest makes the calls, in real contexts, and compares.

The differential test does more in its programs, and compares all that they see. This
machine knows better which default scope a graph has that the shim has not seen built.
"""

from __future__ import annotations

from contextvars import Context
from dataclasses import dataclass
from typing import Any, Callable, Optional, TypeVar
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
from ididi import Graph
from ididi.config import DefaultScopeName

import ididi_scopefix
from tests.garbage import clear_caches, collect_and_freeze
from tests.pythons import IS_PYPY, collect
from tests.shape import holds_default_scopes, is_compiled

T = TypeVar("T")

HELD_BY_GRAPHS = holds_default_scopes()
NAMES = ["", "request", "request", DefaultScopeName]


class ModelScope:
    """What the model knows of a scope. It does not keep the scope alive."""

    def __init__(
        self, scope: Any, graph: ModelGraph, parent: Optional[ModelScope]
    ) -> None:
        self.id, self.name = id(scope), scope.name
        self.graph, self.parent = graph, parent

    def root(self) -> ModelScope:
        """Return the scope above all others."""
        return self if self.parent is None else self.parent.root()


class ModelGraph:
    """What the model knows of a graph. It keeps that until the program drops it."""

    def __init__(self, graph: Any) -> None:
        self.graph = graph
        self.met: Optional[ModelScope] = None
        self.workers = ref(graph._workers)
        # Where graphs have no weak references, the thread pool holds the scope.
        self._holder: Any = ref(graph) if HELD_BY_GRAPHS else self.workers

    @property
    def default(self) -> Optional[ModelScope]:
        """Its default scope, or ``None`` while nobody has needed it."""
        if self._holder() is None:
            # A scope can outlive its graph. It needs a new default scope then.
            self.met, self._holder = None, self.workers
        return self.met

    def is_alive(self) -> bool:
        """Tell whether the graph or a scope of it is still there."""
        return self.workers() is not None


@dataclass(eq=False)
class ModelContext:
    """A context, and the scope that it has."""

    context: Context
    scope: Optional[ModelScope] = None

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call *function* in the context."""
        return self.context.run(function, *arguments)


@dataclass(eq=False)
class OpenScope:
    """A scope that is open in a context, and the one that the context had before."""

    scope: Any
    model: ModelScope
    manager: Any
    context: ModelContext
    before: Optional[ModelScope]


class Machine(RuleBasedStateMachine):
    """Does what programs do, and knows what they are to see."""

    steps = 0

    def __init__(self) -> None:
        super().__init__()
        collect_and_freeze()
        ididi_scopefix.activate()
        self.active = True
        self.fallbacks = ididi_scopefix.status().fallbacks
        self.contexts = [ModelContext(Context()), ModelContext(Context())]
        self.graphs: list[ModelGraph] = []
        self.dropped: list[ModelGraph] = []
        self.known: list[ModelGraph] = []  # to the shim, in the order it met them
        self.open: list[OpenScope] = []

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
            What the call returned, or ``LookupError`` if it raised that; and the
            scope that has to have answered it, if any.
        """
        try:
            result = context.call(call)
        except LookupError:
            result = LookupError
        if context.scope is not None or not self.active:
            return result, context.scope
        self.fallbacks += 1
        if is_compiled():
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
        (graph,) = (each for each in graphs if each.workers() is scope._workers)
        self.learn(ModelScope(scope, graph, None))
        assert graph.default is not None
        assert graph.default.id == id(scope)
        return graph

    def learn(self, scope: Optional[ModelScope]) -> None:
        """Take the default scope above *scope*, if any, for its graph's."""
        root = None if scope is None else scope.root()
        if root is None or root.name != DefaultScopeName:
            return
        if root.graph.default is None:
            root.graph.met = root
            if self.active:
                self.known.append(root.graph)

    # Graphs.

    def build(self, context: ModelContext, self_inject: bool) -> None:
        graph = ModelGraph(context.call(lambda: Graph(self_inject=self_inject)))
        self.graphs.append(graph)
        (scope,) = context.context.values()
        context.scope = ModelScope(scope, graph, None)
        if self.active:
            self.learn(context.scope)

    @precondition(lambda self: len(self.graphs) < 5)
    @rule(data=st.data(), self_inject=st.booleans())
    def build_graph(self, data: st.DataObject, self_inject: bool) -> None:
        self.build(pick(data, self.contexts), self_inject)

    @precondition(lambda self: len(self.graphs) > 1)
    @rule(data=st.data())
    def drop_graph(self, data: st.DataObject) -> None:
        graph = pick(data, self.graphs)
        self.graphs.remove(graph)
        self.dropped.append(graph)
        graph.graph = None

    @rule()
    def collect_garbage(self) -> None:
        clear_caches()
        collect()

    # Contexts.

    @precondition(lambda self: len(self.contexts) < 9)
    @rule(data=st.data(), is_copied=st.booleans())
    def new_context(self, data: st.DataObject, is_copied: bool) -> None:
        origin = pick(data, self.contexts) if is_copied else ModelContext(Context())
        self.contexts.append(ModelContext(origin.context.copy(), origin.scope))

    # Scopes.

    @rule(data=st.data(), name=st.sampled_from(NAMES))
    def open_scope(self, data: st.DataObject, name: Any) -> None:
        """The method can be called in one context and its scope opened in another."""
        elsewhere, context = pick(data, self.contexts), pick(data, self.contexts)
        graph, resolver = self.a_resolver(data)
        manager = elsewhere.call(resolver.scope, name)
        scope, parent = self.ask(context, graph, resolver, manager.__enter__)
        if scope is LookupError:
            assert parent is None
            return
        if parent is None:  # ididi 1.8.4 needs none
            assert not isinstance(scope.pre, ididi.graph.Resolver)
        else:
            assert id(scope.pre) == parent.id
        model = ModelScope(scope, graph, parent)
        self.open.append(OpenScope(scope, model, manager, context, context.scope))
        context.scope = model
        if self.active and name == DefaultScopeName:
            self.learn(model)

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def close_scope(self, data: st.DataObject) -> None:
        self.close(pick(data, self.open))

    def close(self, opened: OpenScope) -> None:
        self.open.remove(opened)
        opened.context.call(opened.manager.__exit__, None, None, None)
        opened.context.scope = opened.before

    @rule(data=st.data())
    def use_scope(self, data: st.DataObject) -> None:
        context = pick(data, self.contexts)
        graph, resolver = self.a_resolver(data)
        found, scope = self.ask(
            context, graph, resolver, lambda: id(resolver.use_scope())
        )
        assert found == (LookupError if scope is None else scope.id)

    # The shim.

    @rule(data=st.data())
    def seed(self, data: st.DataObject) -> None:
        context, graph = pick(data, self.contexts), pick(data, self.graphs)
        scope = context.call(ididi_scopefix.seed, graph.graph)
        if not self.active:
            self.learn(context.scope)
        self.learn(ModelScope(scope, graph, None))
        assert graph.default is not None
        assert graph.default.id == id(scope)
        if self.active and context.scope is None:
            context.scope = graph.default

    @rule(data=st.data())
    def activate(self, data: st.DataObject) -> None:
        self.activate_in(pick(data, self.contexts))

    def activate_in(self, context: ModelContext) -> None:
        assert context.call(ididi_scopefix.activate).state == "active"
        if not self.active:
            self.active = True
            self.learn(context.scope)

    @rule(data=st.data())
    def deactivate(self, data: st.DataObject) -> None:
        context = pick(data, self.contexts)
        assert context.call(ididi_scopefix.deactivate).state == "disabled"
        self.active = False

    # What is compared after each step, and at the end.

    @invariant()
    def contexts_hold_their_scope_and_calls_are_counted(self) -> None:
        Machine.steps += 1
        for each in self.contexts:
            seen = [id(value) for value in each.context.values()]
            assert seen == ([] if each.scope is None else [each.scope.id])
        assert ididi_scopefix.status().fallbacks == self.fallbacks

    def teardown(self) -> None:
        while self.open:
            self.close(self.open[-1])
        self.contexts.clear()
        ididi_scopefix.activate()
        graphs = [*self.graphs, *self.dropped]
        for graph in graphs:
            graph.graph = None
        clear_caches()
        collect()
        # Where a scope was closed by a finalizer, PyPy keeps its graph for longer.
        assert IS_PYPY or not any(graph.is_alive() for graph in graphs)

    def a_resolver(self, data: st.DataObject) -> tuple[ModelGraph, Any]:
        """Draw a graph, or a scope that is open, whose graph can be dropped."""
        resolvers: list[tuple[Any, Any]] = [(each, each.graph) for each in self.graphs]
        resolvers += [(opened.model.graph, opened.scope) for opened in self.open]
        return pick(data, resolvers)


def pick(data: st.DataObject, candidates: list[T]) -> T:
    """Draw one of *candidates*, so that hypothesis does not keep it alive."""
    return candidates[data.draw(st.integers(0, len(candidates) - 1))]

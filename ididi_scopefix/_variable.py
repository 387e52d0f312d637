"""The replacement of ``ididi.graph._SCOPE_CONTEXT``, and its rules.

1. In a context that has a scope, it answers what ididi's variable answers.
2. In any other, a call of ididi gets the default scope of the graph that asks.
   Nothing is written into the context. Everybody else finds nothing there, as ever.
3. The graph that asks is the ``self`` of the method that reads the variable, or the
   graph of that scope. Compiled methods leave no frame to read it from: there, it is
   the graph built last.
4. A graph holds its default scope: it lives as long as the graph, and no longer.
   Scopes find it by the type registry that a graph shares with them. In ididi 1.4.4
   and 1.5.x neither has a ``__dict__``, so the thread pool of the graph holds it.
5. ``Graph.__init__`` sets the variable to the default scope that it has made, and so
   the replacement learns of it. A graph built before gets one when it first asks.
6. While the shim is switched off, it only passes on to ididi's variable.

Nothing of the program's is caught: where this is asked, ididi would have raised. There
is no lock, since a fork or a signal handler could wait for it for ever; every step
alone leaves things right. No callback of a weak reference, since what a signal
handler raises there is lost. When the interpreter ends, Python clears modules while
finalizers use graphs: so what a call needs is found in the object or in its class.
"""

import gc
from contextvars import ContextVar, Token
from sys import _getframe, is_finalizing
from types import FrameType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Callable, Optional, Protocol
from weakref import ref

if TYPE_CHECKING:
    from ididi.graph import Graph, Resolver, SyncScope
else:
    Graph = Resolver = SyncScope = Any  # annotations can be evaluated without ididi

NAME = "_SCOPE_CONTEXT"
_ATTRIBUTE = "_ididi_scopefix_default_scope"


class Switch(Protocol):
    """What tells whether the shim is on."""

    on: bool


def _as_none(self: object) -> "tuple[type[None], tuple[()]]":
    return type(None), ()  # how this is pickled, and copied if nothing else says how


class _Held:
    """A default scope, as its graph or a thread pool holds it."""

    __slots__ = ("__weakref__", "scope")
    __reduce__ = _as_none

    def __init__(self, scope: SyncScope) -> None:
        self.scope = scope


class _Links(dict[int, "ref[_Held]"]):
    """Leads from a type registry, by its id, to what its graph holds.

    The id, since a shallow copy of a registry has the same object. A deep copy of it
    has an empty one, in which threads that race for the first entry all get that.
    """

    __slots__ = ()
    __reduce__ = _as_none

    def __deepcopy__(self, memo: object) -> "_Links":
        return type(self)()


class ScopeVariable:
    """Answers for ididi's variable by the rules above.

    Args:
        original: ididi's variable.
        module: the ``ididi.graph`` that it is of.
        switch: tells whether the shim is on.
        answered: is called with the graph or scope that asks, where the methods of
            *module* tell it, and the calling frame, each time that the fallback
            answers.

    Raises:
        KeyError: *module* lacks a name that this needs.
    """

    __slots__ = (
        "_answered",
        "_attribute",
        "_default_name",
        "_get",
        "_getframe",
        "_graph_type",
        "_is_compiled",
        "_is_finalizing",
        "_known",
        "_links_type",
        "_most_known",
        "_namespace",
        "_resolver_type",
        "_scope_type",
        "_set",
        "_switch",
        "name",
        "original",
        "reset",
    )

    _held_type = _Held
    _gc_objects = staticmethod(gc.get_objects)
    _ref: "type[ref[_Held]]" = ref  # type: ignore[assignment]

    def __init__(
        self,
        original: "ContextVar[Any]",
        module: ModuleType,
        switch: Switch,
        answered: "Callable[[Optional[Resolver], Optional[FrameType]], object]",
    ) -> None:
        self.original = original
        self.name = original.name
        self.reset = original.reset
        self._get, self._set = original.get, original.set
        self._switch, self._answered = switch, answered
        # In slots, where the interpreter finds them faster than in the class.
        self._attribute, self._links_type = _ATTRIBUTE, _Links
        self._getframe, self._is_finalizing = _getframe, is_finalizing
        self._namespace = names = vars(module)
        self._graph_type: type[Graph] = names["Graph"]
        self._resolver_type: type[Resolver] = names["Resolver"]
        self._scope_type: type[SyncScope] = names["SyncScope"]
        self._default_name: str = names["DefaultScopeName"]
        create_scope = self._resolver_type._create_scope
        self._is_compiled = type(create_scope) is not FunctionType
        # Of the graphs that are known here, the newest last. Compiled methods need it.
        self._known: list[ref[_Held]] = []
        self._most_known = 100  # before those that are gone are left out

    def __repr__(self) -> str:
        return repr(self.original)

    def get(self, *default: Any) -> Any:
        """Return the scope of the context, or by the fallback that of the graph."""
        scope = self._get(self)
        if scope is not self:
            return scope
        try:
            frame = self._getframe(1)
        except ValueError:  # it was called from C, and by no Python before
            frame = None
        return self._fall_back(frame, default)

    def set(self, scope: Any, /) -> "Token[Any]":
        """Set the scope of the context."""
        # By identity: ididi gives the constant itself, and a name of the program's
        # may be an object that can't be compared.
        if type(scope) is self._scope_type and scope.name is self._default_name:
            self._learn(scope, self._getframe().f_back)
        token: Token[Any] = self._set(scope)
        return token

    def learn_from_context(self) -> None:
        """Hold the default scope that the current context has, for its graph."""
        self._learn_from(self._get(None))

    def default_scope_of(self, resolver: Resolver) -> SyncScope:
        """Return the default scope of the graph that *resolver* is or belongs to."""
        held = self._held_for(resolver) or self._make_held(resolver)
        return held.scope

    def _fall_back(
        self, frame: "Optional[FrameType]", default: "tuple[Any, ...]"
    ) -> Any:
        if self._switch.on:
            resolver = held = None
            if frame is not None and frame.f_globals is self._namespace:
                resolver = frame.f_locals.get("self")
            if resolver is not None:
                held = self._held_for(resolver) or self._make_held(resolver)
            elif self._is_compiled and not default:
                # No compiled release gives a default: that is somebody else.
                held = self._newest()
            if held is not None:
                if not self._is_finalizing():
                    self._answered(resolver, frame)
                return held.scope
        return self._get(*default)

    def _learn(self, scope: SyncScope, frame: "Optional[FrameType]") -> None:
        """Hold *scope*, if it is the default scope of a graph that is being built."""
        graph = None
        is_ididi = frame is not None and frame.f_globals is self._namespace
        if frame is not None and is_ididi and frame.f_code.co_name == "__init__":
            graph = frame.f_locals.get("self")
        if graph is not None:
            self._hold(scope, graph, is_new=True)
        else:
            self._learn_from(scope)

    def _learn_from(self, scope: Any) -> None:
        """Hold the default scope at the root of *scope*, unless it is held already."""
        root: Any = None
        # The program may have set anything, which is asked for nothing.
        while issubclass(type(scope), self._resolver_type):
            root, scope = scope, getattr(scope, "pre", None)
        is_default = type(root) is self._scope_type and root.name is self._default_name
        if is_default and self._held_for(root) is None:
            self._hold(root, self._graph_of(root))

    def _held_for(self, resolver: Resolver) -> "Optional[_Held]":
        """Return what holds the default scope of the graph of *resolver*, if any."""
        registry = resolver._type_registry
        links = getattr(registry, self._attribute, None)
        held: Optional[_Held]
        if type(links) is self._links_type:
            link = links.get(id(registry))
            held = None if link is None else link()
        elif hasattr(registry, "__dict__"):
            held = None
        else:
            held = vars(resolver._workers).get(self._attribute, {}).get(id(registry))
        return held

    def _hold(
        self, scope: SyncScope, graph: "Optional[Resolver]", is_new: bool = False
    ) -> _Held:
        """Have *graph* hold its default *scope*, or else its thread pool.

        Threads that do this at once for a graph built before all get the first scope.
        A graph that is being built (*is_new*) holds that which its context gets.
        """
        registry = scope._type_registry
        key, held = id(registry), self._held_type(scope)
        attributes = getattr(registry, "__dict__", None)
        if attributes is not None:
            links = attributes.setdefault(self._attribute, self._links_type())
            if links is None:  # it was pickled
                links = attributes[self._attribute] = self._links_type()
            link = self._ref(held)
            found = None if is_new else links.setdefault(key, link)()
            if found is None:  # or the graph is gone that has held it
                links[key] = link
            else:
                held = found
        if attributes is not None and graph is not None:
            # Past the methods of a subclass.
            object.__setattr__(graph, self._attribute, held)
        else:
            table = vars(scope._workers).setdefault(self._attribute, {})
            if is_new:
                table[key] = held
            else:
                held = table.setdefault(key, held)
        if self._is_compiled:
            self._known.append(self._ref(held))
            if len(self._known) > self._most_known:
                self._known = [each for each in self._known if each() is not None]
                self._most_known = 2 * len(self._known) + 100
        return held

    def _newest(self) -> "Optional[_Held]":
        """Return what holds the default scope of the graph built last."""
        for each in reversed(self._known):
            held = each()
            if held is not None:
                return held
        # Only the collector knows the graphs that were built before. The newest are
        # mostly at the end of generation 0, or have just left it.
        for generation in (0, 1, 2):
            for candidate in reversed(self._gc_objects(generation)):
                if issubclass(type(candidate), self._graph_type):
                    self.default_scope_of(candidate)
                    return self._held_for(candidate)
        return None

    def _graph_of(self, resolver: Resolver) -> "Optional[Resolver]":
        """Return the graph that *resolver* is or belongs to, if it can be found."""
        if issubclass(type(resolver), self._graph_type):
            return resolver
        # Singletons are asked for nothing: they can be proxies, which may raise.
        singletons: list[Any] = list(resolver._resolved_singletons.values())
        for each in singletons:
            is_graph = issubclass(type(each), self._graph_type)
            if is_graph and each._type_registry is resolver._type_registry:
                graph: Resolver = each
                return graph
        return None

    def _make_held(self, resolver: Resolver) -> _Held:
        """Make and hold the default scope that ``Graph.__init__`` would have made."""
        graph = self._graph_of(resolver)
        # At that time a graph had no singletons but itself. Those it has collected
        # since, and those of a request, must not get into what every thread shares.
        scope = resolver._create_scope(self._default_name)
        resolved, registered = scope._resolved_singletons, scope._registered_singletons
        kind = type(graph)
        # Under each of its types: a graph merged since may have taken an entry.
        types = kind.__mro__ if kind in registered else ()
        own = {each: graph for each in types if each in resolved}
        # In place, since compiled scopes are read-only. These are the scope's own.
        resolved.clear()
        resolved.update(own)
        registered.intersection_update({kind})
        return self._hold(scope, graph)


def is_replacement(variable: object) -> bool:
    """Tell whether *variable* is one of ours, of another import of this package too."""
    kind = type(variable)
    own = ScopeVariable
    return (kind.__module__, kind.__name__) == (own.__module__, own.__name__)

"""Default scopes and seeds: where they are stored, and what counts them.

1. A *seed* is a graph's default scope, put into a context that had no scope.
2. A graph's seed lives as long as the graph, and no longer. So it is an attribute of
   the graph: a table would keep the scope, and through it the graph, alive for ever.
3. A context's scope is a seed only if its *marker* says so. The same default
   scope in the context that built the graph was put there by ididi.
"""

import itertools
import logging
from collections.abc import Iterator
from contextlib import suppress
from contextvars import ContextVar
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Optional, cast
from weakref import WeakValueDictionary, ref

if TYPE_CHECKING:
    from ididi.graph import Graph as Graph
    from ididi.graph import Resolver as Resolver
    from ididi.graph import SyncScope as SyncScope
else:
    Graph = Resolver = SyncScope = Any  # annotations can be evaluated without ididi

SEED = "_ididi_scopefix_seed"  # the attribute of a graph that stores its seed
_MARKER = "_ididi_scopefix_marker"  # the attribute of a default scope, for its seed


class Seed:
    """A graph's default scope, and the marker of the contexts that have it.

    The marker is weak, since a context may outlive the graph. Not of the scope, since
    those of ididi 1.4.4 and 1.5.x can't be referred to weakly.
    """

    __slots__ = ("__weakref__", "marker", "scope")

    def __init__(self, scope: SyncScope) -> None:
        self.scope: SyncScope = scope
        self.marker: ref[Seed] = ref(self)

    def __reduce__(self) -> "tuple[Any, ...]":
        # A copy of a graph stores None in place of the seed.
        return type(None), ()


# Stands for the scope of a context that has none. Python finds slots fast.
ABSENT: Any = type("Absent", (), {"__slots__": ("_type_registry",)})()
ABSENT._type_registry = object()  # nobody's

_marker: ContextVar[Optional[ref[Seed]]] = ContextVar("ididi_scopefix_marker")
set_marker = _marker.set

# By the id of their type registry, which no other object has while they live. All
# scopes of a graph share it, and from some of them nothing else leads to the graph.
_default_scopes: WeakValueDictionary[int, SyncScope] = WeakValueDictionary()


def names_of(module: ModuleType) -> SimpleNamespace:
    """Return what the shim needs of *module*, or raise ``AttributeError``.

    Not the module: Python clears modules that are still referred to when the
    interpreter ends, and a ``__del__`` that uses a graph then would fail.
    """
    names = ("Graph", "Resolver", "SyncScope", "DefaultScopeName")
    found = {name: getattr(module, name) for name in names}
    return SimpleNamespace(namespace=vars(module), **found)


def is_seed(scope: object) -> bool:
    """Tell whether *scope*, that of the current context, is there as a seed."""
    marker = _marker.get(None)
    seed = None if marker is None else marker()
    return seed is not None and seed.scope is scope


def stored_seed(resolver: Resolver, names: SimpleNamespace) -> "Optional[Seed]":
    """Return the seed that is stored for the graph of *resolver*, if any."""
    graph = graph_of(resolver, names)
    owner = resolver if graph is None else graph
    for holder in (owner, getattr(resolver, "_workers", None)):
        # Past the methods of a subclass. And not by __dict__: CPython finds attributes
        # more slowly once that was asked for.
        with suppress(AttributeError):
            seed = object.__getattribute__(holder, SEED)
            if type(seed) is Seed:
                return seed
    if graph is not None:
        return None
    marker = getattr(_default_scopes.get(id(resolver._type_registry)), _MARKER, None)
    return None if marker is None else cast("Optional[Seed]", marker())


def store(scope: SyncScope, graph: Resolver) -> Seed:
    """Store the default *scope* for *graph*, if none is stored; return its seed."""
    attributes = vars(_holder(graph))
    if attributes.get(SEED, ABSENT) is None:
        attributes.pop(SEED, None)  # the None of a copy
    # setdefault is atomic: threads that race all get the first seed. No lock,
    # because a fork could copy it locked.
    seed: Seed = attributes.setdefault(SEED, Seed(scope))
    _make_findable(seed)
    return seed


def store_new(scope: SyncScope, graph: "Optional[Resolver]") -> None:
    """Store the default *scope* for *graph*, in the place of what is stored.

    *graph* is ``None`` if it was built before activation and does not inject itself.
    It can't be found then, but *scope* can while a context has it.
    """
    seed = Seed(scope)
    _make_findable(seed)
    if graph is None and _default_scopes.get(id(scope._type_registry)) is scope:
        return
    for holder in (graph, scope._workers):
        with suppress(AttributeError, TypeError):  # it is compiled, or has slots
            object.__setattr__(holder, SEED, seed)  # past the methods of a subclass
            return


def _make_findable(seed: Seed) -> None:
    """Make the scope of *seed* lead to it, and be found by its type registry."""
    with suppress(AttributeError, TypeError):  # compiled scopes don't let it be done
        setattr(seed.scope, _MARKER, seed.marker)
        _default_scopes[id(seed.scope._type_registry)] = seed.scope


def discard(resolver: Resolver) -> None:
    """Remove the seed that is stored for the graph of *resolver*."""
    with suppress(AttributeError):  # none is stored, or this release can store none
        _default_scopes.pop(id(resolver._type_registry), None)
        delattr(_holder(resolver), SEED)


def seed_of(resolver: Resolver, names: SimpleNamespace) -> Seed:
    """Return the seed of the graph that *resolver* is or belongs to.

    A graph built while the shim was not active gets its default scope here.
    """
    if seed := stored_seed(resolver, names):
        return seed
    graph = graph_of(resolver, names)
    scope = _default_scopes.get(id(resolver._type_registry))
    if scope is None:
        scope = _make_default_scope(resolver, graph, names.DefaultScopeName)
    return store(scope, resolver if graph is None else graph)


def _holder(resolver: Resolver) -> object:
    """Return the object that stores the seed of *resolver*."""
    # In ididi 1.4.4 and 1.5.x only the thread pool has a __dict__. Graphs that share
    # a pool share the newest of their seeds.
    return resolver if hasattr(resolver, "__dict__") else resolver._workers


def graph_of(resolver: Any, names: SimpleNamespace) -> "Optional[Resolver]":
    """Return the graph that *resolver* is or belongs to, if it can be found."""
    if isinstance(resolver, names.Graph):
        return cast("Resolver", resolver)
    for instance in list(resolver._resolved_singletons.values()):
        # Not isinstance(): it would ask proxies, which may raise.
        is_graph = issubclass(type(instance), names.Graph)
        if is_graph and instance._type_registry is resolver._type_registry:
            return cast("Resolver", instance)
    return None


def root_of(scope: Any, names: SimpleNamespace) -> "Optional[SyncScope]":
    """Return the default scope at which the chain of *scope* ends, if it does."""
    while isinstance(previous := getattr(scope, "pre", None), names.Resolver):
        scope = previous
    is_sync = isinstance(scope, names.SyncScope)
    is_default = is_sync and scope.name == names.DefaultScopeName
    return cast("SyncScope", scope) if is_default else None


def _make_default_scope(resolver: Resolver, graph: object, name: str) -> SyncScope:
    """Make the default scope that ``Graph.__init__`` would have made."""
    # At that time a graph had no singletons but itself. Those it has collected since,
    # and those of a request's scope, must not get into what every thread shares.
    scope, kind = resolver._create_scope(name), type(graph)
    resolved, registered = scope._resolved_singletons, scope._registered_singletons
    # Under each of its types: a graph merged since may have taken an entry.
    types = kind.__mro__ if kind in registered else ()
    own = {each: graph for each in types if each in resolved}
    # In place, since compiled scopes are read-only. These are the scope's own copies.
    resolved.clear()
    resolved.update(own)
    registered.intersection_update({kind})
    return scope


class Tally:
    """Counts the contexts that this process has seeded, by ``next(steps)``.

    Seedings are reported while the logger's level is at most ``level``: until logging
    has taken the first, and in verbose mode always.
    """

    level = logging.INFO

    def reset(self) -> None:
        """Start again from nothing."""
        self.steps, self.first_is_unsaid = itertools.count(), True
        self.level = max(self.level, logging.INFO)


def counted(steps: "Iterator[int]") -> int:
    """Return how many were counted by calls of ``next(steps)``."""
    # Only the repr, "count(7)", shows the value: next() would count one more.
    return int(repr(steps)[6:-1])


tally = Tally()
tally.reset()

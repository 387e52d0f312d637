"""Default scopes and seeds: where they are stored, and what counts them.

1. A *seed* is a graph's default scope, put into a context that had no scope.
2. A graph's seed lives as long as the graph, and no longer.
3. A context's scope is a seed only if its *marker* says so. The same default
   scope in the context that built the graph was put there by ididi.

Rule 2 is why the seed is an attribute of the graph: ``Graph.__init__`` stores
its default scope in the current context only, and a table would keep the scope,
and through it the graph, alive for ever. The scopes of a graph share its type
registry, and find the seed by it.
"""

from __future__ import annotations

import itertools
import logging
import os
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Optional, cast
from weakref import WeakValueDictionary, ref

if TYPE_CHECKING:
    from ididi.graph import Resolver, SyncScope
else:
    Resolver = SyncScope = Any  # annotations can be evaluated without ididi

SEED = "_ididi_scopefix_seed"
"""The attribute that stores a seed."""


class _Absent:
    """Stands for the scope of a context that has none.

    Its type registry is nobody's: code that compares registries needs no case
    of its own for such a context.
    """

    # Python finds an attribute of the instance sooner than one of the class.
    __slots__ = ("_type_registry",)

    def __init__(self) -> None:
        self._type_registry = object()


ABSENT: Any = _Absent()


class Seed:
    """A graph's default scope, as the shim stores it.

    Attributes:
        scope: the default scope.
        marker: refers to this seed weakly, since a context may outlive the
            graph; and to the seed, since scopes of ididi 1.4.4 and 1.5.x can't
            be referred to weakly.
    """

    __slots__ = ("__weakref__", "marker", "scope")

    def __init__(self, scope: SyncScope) -> None:
        self.scope: SyncScope = scope
        self.marker: ref[Seed] = ref(self)

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy of what stores a seed has None in its place.
        return type(None), ()


def names_of(module: ModuleType) -> SimpleNamespace:
    """Return what the shim needs of *module*, an ``ididi.graph``.

    Whoever held the module itself would change how it ends: Python clears the
    modules that are still referred to when the interpreter ends, and a
    ``__del__`` that uses a graph then would fail.

    Raises:
        AttributeError: the module lacks one of them.
    """
    return SimpleNamespace(
        namespace=vars(module),
        Graph=module.Graph,
        Resolver=module.Resolver,
        SyncScope=module.SyncScope,
        DefaultScopeName=module.DefaultScopeName,
    )


_marker: ContextVar[Optional[ref[Seed]]] = ContextVar("ididi_scopefix_marker")
set_marker = _marker.set

# By the id of the type registry that a seed's scope holds: while the entry is
# there, the registry is, too.
_by_registry: WeakValueDictionary[int, Seed] = WeakValueDictionary()
_adopted: WeakValueDictionary[int, SyncScope] = WeakValueDictionary()


def is_seed(scope: object) -> bool:
    """Tell whether *scope*, that of the current context, is there as a seed."""
    marker = _marker.get(None)
    seed = None if marker is None else marker()
    return seed is not None and seed.scope is scope


def stored_seed(resolver: Resolver) -> Optional[Seed]:
    """Return the seed that is stored for the graph of *resolver*, if any."""
    holder = _holder(resolver)
    seed: Optional[Seed] = vars(holder).get(SEED)
    if seed is None and holder is not resolver._workers:
        seed = _by_registry.get(id(resolver._type_registry))
    return seed


def store(scope: SyncScope, graph: Resolver) -> None:
    """Store the default *scope* that ``Graph.__init__`` has made for *graph*."""
    seed = Seed(scope)
    vars(_holder(graph))[SEED] = seed
    _by_registry[id(scope._type_registry)] = seed


def adopt(scope: SyncScope, names: SimpleNamespace) -> None:
    """Store the default *scope* of a graph that was built before activation.

    Nothing refers to its graph if the graph does not inject itself. Then the
    scope is found again as long as the context that built the graph holds it.
    """
    if stored_seed(scope) is not None:
        return
    graph = _graph_of(scope, names)
    if graph is not None or not hasattr(scope, "__dict__"):
        store(scope, graph or scope)
    else:
        _adopted[id(scope._type_registry)] = scope


def discard(resolver: Resolver) -> None:
    """Store no seed any longer for the graph of *resolver*."""
    vars(_holder(resolver)).pop(SEED, None)


def seed_of(resolver: Resolver, names: SimpleNamespace) -> Seed:
    """Return the seed of the graph that *resolver* is or belongs to.

    A graph that was built while the shim was not active gets its default scope
    here, when it is first needed.
    """
    seed = stored_seed(resolver)
    if seed is None:
        graph = _graph_of(resolver, names) or resolver
        scope = _adopted.get(id(resolver._type_registry))
        if scope is None:
            scope = _make_default_scope(resolver, names)
        attributes = vars(_holder(graph))
        if attributes.get(SEED) is None:
            attributes.pop(SEED, None)  # the None of a copy
        # setdefault is atomic: threads that race all get the first seed. No
        # lock, because a fork could copy it locked.
        seed = cast("Seed", attributes.setdefault(SEED, Seed(scope)))
        _by_registry[id(resolver._type_registry)] = seed
    return seed


def _holder(resolver: Resolver) -> object:
    """Return the object that stores the seed of *resolver*.

    The objects of ididi 1.4.4 and 1.5.x have no ``__dict__``, except for the
    thread pool. Graphs that are given the same pool share it, and the newest of
    their default scopes is stored.
    """
    return resolver if hasattr(resolver, "__dict__") else resolver._workers


def _graph_of(resolver: Resolver, names: SimpleNamespace) -> Optional[Resolver]:
    """Return the graph that *resolver* is or belongs to, if it can be found."""
    graph_class: type = names.Graph
    if isinstance(resolver, graph_class):
        return resolver
    return next((graph for _, graph in _own_graphs(resolver, names)), None)


def _own_graphs(
    resolver: Resolver, names: SimpleNamespace
) -> Iterator[tuple[Any, Resolver]]:
    """Yield under which types the graph of *resolver* has injected itself."""
    singletons: dict[Any, Any] = resolver._resolved_singletons
    for dependent, instance in list(singletons.items()):
        if (
            isinstance(instance, names.Graph)
            and instance._type_registry is resolver._type_registry
        ):
            yield dependent, instance


def is_default(scope: Any, names: SimpleNamespace) -> bool:
    """Tell whether *scope* is one that ``Graph.__init__`` makes."""
    return bool(
        isinstance(scope, names.SyncScope)
        and scope.name == names.DefaultScopeName
        and not isinstance(scope.pre, names.Resolver)
    )


def root_of(scope: object, names: SimpleNamespace) -> Optional[SyncScope]:
    """Return the default scope at which the chain of *scope* ends.

    ``None`` if it ends elsewhere, or if *scope* is something else that somebody
    has put into the variable.
    """
    while isinstance(previous := getattr(scope, "pre", None), names.Resolver):
        scope = previous
    return cast("SyncScope", scope) if is_default(scope, names) else None


def _make_default_scope(resolver: Resolver, names: SimpleNamespace) -> SyncScope:
    """Make the default scope that ``Graph.__init__`` would have made.

    At that time a graph had no singletons but, if it injects itself, itself.
    Those that it has collected since, and those of a request's scope, must not
    get into a scope that every thread shares.
    """
    scope = resolver._create_scope(names.DefaultScopeName)
    own = dict(_own_graphs(scope, names))
    registered: set[Any] = scope._registered_singletons & own.keys()
    # In place: the attributes of compiled scopes are read-only, but what they
    # hold are this scope's own copies.
    scope._resolved_singletons.clear()
    scope._resolved_singletons.update(own)
    scope._registered_singletons.clear()
    scope._registered_singletons.update(registered)
    return scope


class Tally:
    """Counts the contexts that this process has seeded.

    ``next`` on a counter is atomic, so that no request waits for a lock. A
    counter can't be read without advancing it; the readings are counted too
    and subtracted.

    Attributes:
        steps: advanced once for each context.
        unsaid: whether a seeding is to be reported: the first one, until logging
            has taken it, and in verbose mode each one.
        first_is_unsaid: whether logging has not taken the first one yet.
        level: the highest level of the logger at which a seeding is reported.
    """

    level = logging.INFO

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start again from nothing."""
        self.steps = itertools.count()
        self.unsaid = self.first_is_unsaid = True
        self._readings = itertools.count()
        self._reading = threading.Lock()

    def total(self) -> int:
        """Return how many contexts were counted."""
        with self._reading:
            return next(self.steps) - next(self._readings)


tally = Tally()

# A forked child is a process of its own, and counts its own seeds.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=tally.reset)

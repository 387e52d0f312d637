"""Where a graph's default scope is kept, and how it is found again.

``Graph.__init__`` makes the default scope and keeps no reference to it: only
the context that builds the graph does. So the shim has to keep it, for exactly
as long as the graph lives. A table can't do that: the scope holds its graph,
and the table would hold the scope. It is kept on an object instead that the
graph and its scopes share and that dies with them, its *keeper*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, cast
from weakref import ref

if TYPE_CHECKING:
    from types import ModuleType

    from ididi.graph import Resolver, SyncScope

# MethodsPatch.settle() spells it out, which is faster than a name in a variable.
_ATTRIBUTE = "_ididi_scopefix_seed"


class Seed:
    """What a keeper keeps: a graph's default scope, and how to mark it.

    Attributes:
        scope: the default scope.
        mark: refers to this seed, and not to the scope, which in ididi 1.4.4
            and 1.5.x can't be referred to weakly. A strong reference in a
            context would keep a graph alive there that is long gone.
    """

    __slots__ = ("__weakref__", "mark", "scope")

    def __init__(self, scope: SyncScope) -> None:
        self.scope: SyncScope = scope
        self.mark: ref[Seed] = ref(self)


def keeper_of(resolver: Resolver) -> object:
    """Return the object on which the default scope of *resolver* is kept.

    From ididi 1.6.0 on it is the type registry, which every graph has for
    itself. The objects of 1.4.4 and 1.5.x can carry nothing, except for the
    thread pool: graphs that are given the same one share it, and the default
    scope of the newest of them is kept.
    """
    registry = resolver._type_registry
    return registry if hasattr(registry, "__dict__") else resolver._workers


def kept_by(keeper: object) -> Optional[Seed]:
    """Return the seed that *keeper* keeps, ``None`` without one."""
    return getattr(keeper, _ATTRIBUTE, None)


def keep(scope: SyncScope) -> None:
    """Keep *scope*, which ``Graph.__init__`` has made, for its graph."""
    setattr(keeper_of(scope), _ATTRIBUTE, Seed(scope))


def let_go(resolver: Resolver) -> None:
    """Keep the default scope of the graph of *resolver* no longer."""
    vars(keeper_of(resolver)).pop(_ATTRIBUTE, None)


def seed_of(resolver: Resolver, graph_module: ModuleType) -> Seed:
    """Return the seed of the graph that *resolver* is or belongs to.

    A graph that was built while the shim was not active gets its default scope
    here, on its first need of it, and the same one in whichever thread.
    """
    keeper = keeper_of(resolver)
    seed = kept_by(keeper)
    if seed is None:
        # One step that no other thread can divide, and no lock that a forked
        # child could inherit taken: of several threads the first one decides,
        # and nobody ever sees what the others have made.
        made = Seed(make_default_scope(resolver, graph_module))
        seed = cast("Seed", vars(keeper).setdefault(_ATTRIBUTE, made))
    return seed


def is_default(scope: Any, graph_module: ModuleType) -> bool:
    """Tell whether *scope* is one that ``Graph.__init__`` makes."""
    return bool(
        isinstance(scope, graph_module.SyncScope)
        and scope.name == graph_module.DefaultScopeName
        and not isinstance(scope.pre, graph_module.Resolver)
    )


def root_of(scope: object, graph_module: ModuleType) -> Optional[SyncScope]:
    """Return the default scope at which the chain of *scope* ends.

    ``None`` if it ends elsewhere, or if *scope* is something else that somebody
    has put into the variable.
    """
    while isinstance(previous := getattr(scope, "pre", None), graph_module.Resolver):
        scope = previous
    return cast("SyncScope", scope) if is_default(scope, graph_module) else None


def make_default_scope(resolver: Resolver, graph_module: ModuleType) -> SyncScope:
    """Make the default scope that ``Graph.__init__`` would have made.

    At that time a graph had no singletons but, if it injects itself, itself.
    What it or, worse, the scope of a request has collected since must not
    stay behind in a scope that every thread shares.
    """
    scope = resolver._create_scope(graph_module.DefaultScopeName)
    own = {
        dependent: instance
        for dependent, instance in scope._resolved_singletons.items()
        if isinstance(instance, graph_module.Graph)
        and instance._type_registry is resolver._type_registry
    }
    registered: set[Any] = scope._registered_singletons & own.keys()
    # In place: the attributes of compiled scopes are read-only, but what they
    # hold are this scope's own copies.
    scope._resolved_singletons.clear()
    scope._resolved_singletons.update(own)
    scope._registered_singletons.clear()
    scope._registered_singletons.update(registered)
    return scope

"""The patch for compiled classes, which are immutable: ididi 1.5.x.

Their methods look up the module's variable by its name each time. The proxy in its
place is not told which graph asks. So a context is seeded with the default scope of
the graph built last: ididi's own variable holds it where the graphs were built.
"""

import gc
import itertools
from contextvars import Token
from types import ModuleType
from typing import Any, Optional
from weakref import WeakValueDictionary

import wrapt

from ididi_scopefix import _seeding
from ididi_scopefix._patch import Patch, ReplacedAttribute
from ididi_scopefix._seeding import ABSENT, Graph, Resolver, Seed, SyncScope

_numbers = itertools.count()


class ContextVarPatch(Patch):
    """Replaces the module's variable by one that seeds."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module)
        replaced = (module, module.__name__, "_SCOPE_CONTEXT", self._make_proxy)
        self.replaced: tuple[ReplacedAttribute, ...] = (ReplacedAttribute(*replaced),)
        # Of the graphs that were built while the patch was in force, in that order.
        self._seeds: WeakValueDictionary[int, Seed] = WeakValueDictionary()

    def install(self) -> None:
        """Install the patch, and note graphs anew: some may have been built meanwhile."""
        self._seeds.clear()
        super().install()

    def _make_proxy(self, original: Any) -> "SeedingVariable":
        proxy = SeedingVariable(original)
        proxy._self_patch = self
        return proxy

    def seed(self, graph: Graph) -> SyncScope:
        """Seed the current context for *graph*, whichever was built last."""
        seed = _seeding.seed_of(graph, self.names)
        found = self.variable.get(ABSENT)
        if found is ABSENT or _seeding.is_seed(found):
            self.ensure_scope(None, found)  # counts the context
            self.variable.set(seed.scope)
            # A seed would be replaced by that of the graph built last.
            _seeding.set_marker(None)
        return seed.scope

    def store(self, scope: SyncScope, graph: "Optional[Resolver]") -> None:
        """Store the default *scope*, and note its graph as the one built last."""
        stored = _seeding.stored_seed(scope, self.names)
        # Otherwise the program has set it again, and no graph was built.
        if stored is None or stored.scope is not scope:
            super().store(scope, graph)
            self._note(_seeding.stored_seed(scope, self.names))

    def _note(self, seed: "Optional[Seed]") -> None:
        if seed is not None:
            self._seeds[next(_numbers)] = seed

    def _noted_last(self) -> "Optional[Seed]":
        # Not values(): that fails if another thread builds a graph meanwhile.
        noted = (each() for each in reversed(self._seeds.valuerefs()))
        return next(filter(None, noted), None)

    def seed_for(self, resolver: "Optional[Resolver]") -> "Optional[Seed]":
        """Return the seed of the graph built last of those alive.

        Only the collector knows those that were built before activation. The newest are
        mostly at the end of generation 0, or have just left it.
        """
        if seed := self._noted_last():
            return seed
        for generation in (0, 1, 2):
            for candidate in reversed(gc.get_objects(generation)):
                # Not isinstance(): it would ask proxies, which may raise.
                if issubclass(type(candidate), self.names.Graph):
                    found = _seeding.seed_of(candidate, self.names)
                    # Threads that search at once take what the first has found.
                    self._note(seed := self._noted_last() or found)
                    return seed
        return None


class SeedingVariable(wrapt.ObjectProxy):  # type: ignore[type-arg]
    """A proxy of the module's variable that seeds a context before it answers."""

    # No __init__: typeguard would look at self before it is set up.
    _self_patch: ContextVarPatch
    __wrapped__: Any

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def get(self, *default: Any) -> Any:
        """Return the context's scope; seed only without a default, as ididi asks."""
        if not default:
            self._self_patch.ensure_scope(None, self.__wrapped__.get(ABSENT))
        return self.__wrapped__.get(*default)

    def set(self, scope: Any) -> "Token[Any]":
        """Set the context's scope; ``Graph.__init__`` sets that which it has made."""
        token: Token[Any] = self.__wrapped__.set(scope)
        self._self_patch.graph_built(None, scope)
        return token

"""The patch for compiled classes, which are immutable: ididi 1.5.x.

Their methods can't be replaced, but they look up the module's variable by its
name each time. The proxy in its place is not told which graph asks. So a context
is seeded with the default scope of the graph that was built last: the one that
ididi's own variable holds where the graphs were built.
"""

from __future__ import annotations

import gc
import itertools
from contextvars import ContextVar, Token
from types import ModuleType
from typing import TYPE_CHECKING, Any, Optional
from weakref import WeakKeyDictionary, WeakValueDictionary

import wrapt

from ididi_scopefix._patch import Patch, ReplacedAttribute
from ididi_scopefix._seeding import (
    ABSENT,
    Seed,
    is_seed,
    seed_of,
    set_marker,
    stored_seed,
)

if TYPE_CHECKING:
    from ididi.graph import Graph, Resolver, SyncScope

    Variable = wrapt.ObjectProxy[ContextVar[Any]]
else:
    # Only the newer releases of wrapt can be subscripted.
    Graph = Resolver = SyncScope = Any
    Variable = wrapt.ObjectProxy

# The seeds of the graphs that each module has built, oldest first. Here and not
# in the patch, which ends with a deactivate().
_built: WeakKeyDictionary[ModuleType, WeakValueDictionary[int, Seed]] = (
    WeakKeyDictionary()
)
_numbers = itertools.count()


class ContextVarPatch(Patch):
    """Replaces the module's variable by one that seeds."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module)
        self.replaced: tuple[ReplacedAttribute, ...] = (
            ReplacedAttribute(module, "_SCOPE_CONTEXT", self._make_variable),
        )
        self._seeds = _built.setdefault(module, WeakValueDictionary())

    def seed(self, graph: Graph) -> SyncScope:
        """Seed the current context for *graph*, whichever was built last."""
        seed = seed_of(graph, self.names)
        found = self.variable.get(ABSENT)
        if found is ABSENT or is_seed(found):
            self.ensure_scope(None, found)  # counts the context
            self.variable.set(seed.scope)
            # A seed would be replaced by that of the graph built last.
            set_marker(None)
        return seed.scope

    def _make_variable(self, variable: Any) -> SeedingVariable:
        return SeedingVariable(variable, self)

    def _is_ididis(self, original: Any) -> bool:
        return type(original) is ContextVar

    def _store(self, scope: SyncScope, graph: Optional[Resolver]) -> None:
        stored = stored_seed(scope)
        # Else the program has put it into the variable, and nothing was built.
        if stored is None or stored.scope is not scope:
            super()._store(scope, graph)
            self._note(stored_seed(scope))

    def _adopt(self, scope: SyncScope) -> None:
        if stored_seed(scope) is None:
            self._store(scope, None)

    def _note(self, seed: Optional[Seed]) -> None:
        """Note *seed* as that of the graph built last."""
        if seed is not None:
            self._seeds[next(_numbers)] = seed

    def _seed_for(self, resolver: Optional[Resolver]) -> Optional[Seed]:
        """Return the seed of the graph built last of those alive."""
        # Of a copy: the collector may take an entry away at any time.
        noted = list(self._seeds.values())
        return noted[-1] if noted else self._find()

    def _find(self) -> Optional[Seed]:
        """Find a graph that was built before activation.

        Only the collector knows these. Its list of generation 0 has the newest
        objects, and each list begins with the oldest. They are read once: what
        is found is noted for as long as it lives.
        """
        newest: Optional[Graph] = None
        for generation in (2, 1, 0):
            for candidate in gc.get_objects(generation):
                # Not isinstance(): it would ask proxies, which may raise.
                if issubclass(type(candidate), self.names.Graph):
                    newest = candidate
        if newest is None:
            return None
        seed = seed_of(newest, self.names)
        self._note(seed)
        return seed


class SeedingVariable(Variable):
    """A proxy of the module's variable that seeds a context before it answers."""

    def __init__(self, variable: ContextVar[Any], patch: ContextVarPatch) -> None:
        super().__init__(variable)
        self._self_variable = variable
        self._self_patch = patch

    def __repr__(self) -> str:
        return repr(self._self_variable)

    def get(self, *default: Any) -> Any:
        """Return the context's scope, as :meth:`contextvars.ContextVar.get`.

        With a *default*, a context without a scope is left alone. ididi never
        gives one.
        """
        if not default:
            found = self._self_variable.get(ABSENT)
            self._self_patch.ensure_scope(None, found)
        return self._self_variable.get(*default)

    def set(self, scope: Any) -> Token[Any]:
        """Set the context's scope, as :meth:`contextvars.ContextVar.set`.

        ``Graph.__init__`` calls this with the default scope that it has made.
        """
        token = self._self_variable.set(scope)
        self._self_patch.graph_built(None, scope)
        return token

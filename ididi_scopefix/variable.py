"""The patch for compiled classes, which are immutable: ididi 1.5.x.

Their methods can't be replaced, but they look up the module's variable by its
name each time. What stands in for it is asked without being told by whom, so
a context is seeded with the default scope of the graph that was built last:
the one that ididi's own variable holds where the graphs were built.
"""

from __future__ import annotations

import gc
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Optional
from weakref import WeakKeyDictionary, ref

import wrapt

from ididi_scopefix.default_scope import keeper_of, kept_by, seed_of
from ididi_scopefix.patch import Patch
from ididi_scopefix.place import Place
from ididi_scopefix.seeding import ABSENT, may_seed, unmark

if TYPE_CHECKING:
    from contextvars import Token
    from types import ModuleType

    from ididi.graph import Graph, Resolver, SyncScope

    from ididi_scopefix.default_scope import Seed

    Variable = wrapt.ObjectProxy[ContextVar[Any]]
    Keepers = dict[int, ref[object]]
else:
    # Only the newer releases of wrapt can be subscripted.
    Variable = wrapt.ObjectProxy

# The graphs that each module has built, oldest first, by the keepers of their
# default scopes: compiled graphs and scopes can't be referred to weakly
# themselves. Here and not in the patch, which ends with a deactivate().
_built: WeakKeyDictionary[ModuleType, Keepers] = WeakKeyDictionary()


class VariablePatch(Patch):
    """Replaces the module's variable by one that seeds."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module)
        self.places: tuple[Place, ...] = (
            Place(module, "_SCOPE_CONTEXT", self._make_variable),
        )
        self._keepers = _built.setdefault(module, {})

    def _keep(self, scope: SyncScope) -> None:
        """Keep *scope* as the default scope of the graph built last."""
        seed = kept_by(keeper_of(scope))
        if seed is None or seed.scope is not scope:
            super()._keep(scope)
            self._remember(scope)
        # Else the program has put it into the variable, and nothing was built.

    def _remember(self, scope: SyncScope) -> None:
        """Remember the graph of *scope* as the one built last."""
        keeper = keeper_of(scope)
        keepers, number = self._keepers, id(keeper)

        def forget(gone: ref[object]) -> None:
            if keepers.get(number) is gone:
                del keepers[number]

        # At the end, even if it is one that several graphs share.
        keepers.pop(number, None)
        keepers[number] = ref(keeper, forget)

    def _make_variable(self, variable: Any) -> SeedingVariable:
        return SeedingVariable(variable, self)

    def _seed_for(self, resolver: Optional[Resolver]) -> Optional[Seed]:
        """Return the seed of the graph built last of those alive."""
        # Of a copy: the collector may take an entry away at any time.
        for keeper in reversed(list(self._keepers.copy().values())):
            seed = kept_by(keeper())
            if seed is not None:
                return seed
        return self._find()

    def _is_own(self, original: Any) -> bool:
        """Tell whether *original* is a variable as ididi makes it."""
        return type(original) is ContextVar

    def seed(self, graph: Graph) -> SyncScope:
        """Seed the current context for *graph*, whichever was built last."""
        seed = seed_of(graph, self.module)
        scope = self.variable.get(ABSENT)
        if may_seed(scope):
            self._put(seed, scope)
            # A seed would be replaced by that of the graph built last.
            unmark()
        return seed.scope

    def _find(self) -> Optional[Seed]:
        """Find a graph that was built before activation.

        The collector's lists are the only ones there are of those, the oldest
        objects in the last of them. They are read once, since what is found is
        kept for as long as it lives.
        """
        newest: Optional[Graph] = None
        for generation in (2, 1, 0):
            for candidate in gc.get_objects(generation):
                # Not isinstance(): it would ask proxies, which may raise.
                if issubclass(type(candidate), self.module.Graph):
                    newest = candidate
        if newest is None:
            return None
        seed = seed_of(newest, self.module)
        self._remember(seed.scope)
        return seed


class SeedingVariable(Variable):
    """Stands in for the module's variable and seeds a context that asks."""

    def __init__(self, variable: ContextVar[Any], patch: VariablePatch) -> None:
        super().__init__(variable)
        self._self_variable = variable
        self._self_patch = patch

    def __repr__(self) -> str:
        return repr(self._self_variable)

    def get(self, *default: Any) -> Any:
        """Return the context's scope, as :meth:`contextvars.ContextVar.get`.

        Who brings a *default* wants it in a context without a scope; ididi
        never does.
        """
        if not default:
            self._self_patch.settle(None, self._self_variable.get(ABSENT))
        return self._self_variable.get(*default)

    def set(self, scope: Any) -> Token[Any]:
        """Set the context's scope, as :meth:`contextvars.ContextVar.set`.

        ``Graph.__init__`` comes here with the default scope it has made.
        """
        token = self._self_variable.set(scope)
        self._self_patch.built(scope)
        return token

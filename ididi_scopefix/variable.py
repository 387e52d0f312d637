"""The patch for compiled classes, which are immutable: ididi 1.5.x.

Their methods can't be replaced, but they look up the module's variable by its
name each time. What stands in for it is asked without being told by whom, so
a context is seeded with the default scope of the graph that was built last:
the one that ididi's own variable holds where the graphs were built.
"""

from __future__ import annotations

import gc
import itertools
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Optional
from weakref import ref

import wrapt

from ididi_scopefix.default_scope import default_scope_of, keeper_of, kept_by
from ididi_scopefix.patch import Patch
from ididi_scopefix.place import Place
from ididi_scopefix.seeding import ABSENT, count, is_seed

if TYPE_CHECKING:
    from contextvars import Token
    from types import ModuleType

    from ididi.graph import Graph, Resolver, SyncScope

    Variable = wrapt.ObjectProxy[ContextVar[Any]]
else:
    # Only the newer releases of wrapt can be subscripted.
    Variable = wrapt.ObjectProxy


class VariablePatch(Patch):
    """Replaces the module's variable by one that seeds."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module)
        self.places = (Place(module, "_SCOPE_CONTEXT", self._make_variable),)
        self._numbers = itertools.count()
        # The graphs built, by the keepers of their default scopes: compiled
        # graphs and scopes can't be referred to weakly themselves.
        self._keepers: dict[int, ref[object]] = {}

    def _keep(self, scope: SyncScope) -> None:
        """Keep *scope* as the default scope of the graph built last."""
        super()._keep(scope)
        number = next(self._numbers)
        forget = self._keepers.pop
        self._keepers[number] = ref(keeper_of(scope), lambda _: forget(number, None))

    def _make_variable(self, variable: Any) -> SeedingVariable:
        return SeedingVariable(variable, self)

    def _default_for(self, resolver: Optional[Resolver]) -> Optional[SyncScope]:
        """Return the default scope of the graph built last of those alive."""
        # Of a copy: the collector may take an entry away at any time.
        for keeper in reversed(list(self._keepers.copy().values())):
            scope = kept_by(keeper())
            if scope is not None:
                return scope
        return self._find()

    def _is_own(self, original: Any) -> bool:
        """Tell whether *original* is a variable as ididi makes it."""
        return type(original) is ContextVar

    def seed(self, graph: Graph) -> SyncScope:
        """Seed the current context for *graph*, whichever was built last."""
        default = default_scope_of(graph, self.module)
        scope = self.variable.get(ABSENT)
        if scope is ABSENT or is_seed(scope):
            # Not as a seed, which would be replaced for the graph built last.
            self.variable.set(default)
            if scope is ABSENT and self._counting:
                count(default)
        return default

    def _find(self) -> Optional[SyncScope]:
        """Find a graph that was built before activation.

        The collector's list is the only one there is of those. It is read at
        most once, since what is found is kept.
        """
        found: Optional[SyncScope] = None
        for candidate in gc.get_objects():
            # Not isinstance(): it would ask proxies, which may raise.
            if issubclass(type(candidate), self.module.Graph):
                found = default_scope_of(candidate, self.module)
        if found is not None:
            self._keep(found)
        return found


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

"""The patch for compiled classes, which are immutable: ididi 1.5.x.

Their methods can't be replaced, but they look up the module's variable by its name
each time. The proxy in its place is not told which graph asks. So a context is
seeded with the default scope of the graph that was built last: the one that ididi's
own variable holds where the graphs were built.
"""

from __future__ import annotations

import gc
import itertools
from contextvars import ContextVar, Token
from types import ModuleType
from typing import TYPE_CHECKING, Any, Optional
from weakref import WeakKeyDictionary, WeakValueDictionary

import wrapt

from ididi_scopefix import _seeding
from ididi_scopefix._patch import Patch, ReplacedAttribute
from ididi_scopefix._seeding import (
    ABSENT,
    Graph,
    Resolver,
    Seed,
    SyncScope,
    stored_seed,
)

if TYPE_CHECKING:
    Variable = wrapt.ObjectProxy[ContextVar[Any]]
else:
    Variable = wrapt.ObjectProxy  # only newer releases can be subscripted

# The seeds of the graphs that a module has built, by numbers that rise. Here and
# not in the patch, which ends with a deactivate().
Built = WeakValueDictionary[int, Seed]
_built: WeakKeyDictionary[ModuleType, Built] = WeakKeyDictionary()
_numbers = itertools.count()


class ContextVarPatch(Patch):
    """Replaces the module's variable by one that seeds."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module)
        self.replaced: tuple[ReplacedAttribute, ...] = (
            ReplacedAttribute(module, "_SCOPE_CONTEXT", self._make_proxy),
        )
        self._seeds = _built.setdefault(module, WeakValueDictionary())

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

    def _make_proxy(self, original: Any) -> SeedingVariable:
        proxy = SeedingVariable(original)
        proxy._self_patch = self
        return proxy

    def _is_ididis(self, original: Any) -> bool:
        return type(original) is ContextVar

    def _store(self, scope: SyncScope, graph: Optional[Resolver]) -> None:
        stored = stored_seed(scope, self.names)
        # Else the program has put it into the variable, and nothing was built.
        if stored is None or stored.scope is not scope:
            super()._store(scope, graph)
            self._note(stored_seed(scope, self.names))

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
        """Find a graph that was built before activation, the newest one.

        Only the collector knows these. It lists generation 0, the newest, and in
        each generation the oldest first. What is found is noted.
        """
        newest: Optional[Graph] = None
        for generation in (2, 1, 0):
            for candidate in gc.get_objects(generation):
                # Not isinstance(): it would ask proxies, which may raise.
                if issubclass(type(candidate), self.names.Graph):
                    newest = candidate
        seed = None if newest is None else _seeding.seed_of(newest, self.names)
        self._note(seed)
        return seed


class SeedingVariable(Variable):
    """A proxy of the module's variable that seeds a context before it answers.

    It has no ``__init__``: a checker at run time would look at it too early.
    """

    _self_patch: ContextVarPatch

    def __repr__(self) -> str:
        return repr(self.__wrapped__)

    def get(self, *default: Any) -> Any:
        """Return the context's scope, as :meth:`contextvars.ContextVar.get`.

        With a *default*, which ididi never gives, no context is seeded.
        """
        if not default:
            self._self_patch.ensure_scope(None, self.__wrapped__.get(ABSENT))
        return self.__wrapped__.get(*default)

    def set(self, scope: Any) -> Token[Any]:
        """Set the context's scope, as :meth:`contextvars.ContextVar.set`.

        ``Graph.__init__`` calls this with the default scope that it has made.
        """
        token = self.__wrapped__.set(scope)
        self._self_patch.graph_built(None, scope)
        return token

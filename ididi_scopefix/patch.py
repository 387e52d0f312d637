"""A patch of one ``ididi.graph`` module: in force whole, or not at all."""

from __future__ import annotations

from _thread import get_ident
from typing import TYPE_CHECKING, Any, Optional

from ididi_scopefix import log, probe
from ididi_scopefix.default_scope import (
    is_default,
    keep,
    keeper_of,
    kept_by,
    root_of,
    seed_of,
)
from ididi_scopefix.seeding import ABSENT, fill, may_seed, put

if TYPE_CHECKING:
    from contextvars import ContextVar
    from types import ModuleType

    from ididi.graph import Graph, Resolver, SyncScope

    from ididi_scopefix.default_scope import Seed
    from ididi_scopefix.place import Place


class Patch:
    """Makes the scope calls of one module seed the contexts they come from.

    There are two ways to do so, and what the module's classes allow decides
    between them: see :class:`~ididi_scopefix.methods.MethodsPatch` and
    :class:`~ididi_scopefix.variable.VariablePatch`. They differ in the places
    they replace and in the graphs they can tell apart; the rest is here.

    Attributes:
        module: the patched module.
        variable: the module's own ``ContextVar``.
        places: everything that is replaced, in order.
        active: while false, nothing is seeded and every call passes through,
            but in the thread that is trying the patch out.

    Raises:
        AttributeError: the module lacks something that is to be replaced.
    """

    places: tuple[Place, ...]

    def __init__(self, module: ModuleType) -> None:
        # Needed sooner or later, though perhaps not while the patch is proved.
        _ = module.DefaultScopeName, module.SyncScope, module.Resolver._create_scope
        self.module = module
        self._resolver: type = module.Resolver
        self.variable: ContextVar[Any] = module._SCOPE_CONTEXT
        self.active: bool = False
        self._trial: Optional[int] = None
        self._gave_up = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of what is replaced."""
        return tuple(place.name for place in self.places)

    def is_of(self, module: Optional[ModuleType]) -> bool:
        """Tell whether this is the patch of *module* and of its present classes.

        A module that is reloaded stays the same object and gets new ones.
        """
        return self.module is module and self.module.Resolver is self._resolver

    def install(self) -> None:
        """Replace everything and prove that it helps, or leave no trace.

        Raises:
            Exception: whatever went wrong. The module is as it was.
        """
        if self.active:
            return
        try:
            # Other threads may be using the module: to them the patch is not
            # active before it is proved, so that none of them is ever given
            # the default scope of a graph that the probe has built.
            self._trial = get_ident()
            for place in self.places:
                place.replace()
            # Not where another library's wrappers are in between: they would
            # take the probe's calls for the program's.
            if all(self._is_own(place.covered()) for place in self.places):
                probe.verify(self.module)
            self._adopt()
            self.active = True
        except BaseException:
            self.remove()
            raise
        finally:
            self._trial = None

    def remove(self) -> None:
        """Put back what was there; where something else is, pass through it."""
        self.active = False
        for place in reversed(self.places):
            place.restore()

    def settle(self, resolver: Optional[Resolver], scope: Any) -> None:
        """Seed the current context for *resolver*, if it is to be seeded.

        Args:
            resolver: the graph or scope for which the variable is about to be
                read, ``None`` where that can't be known.
            scope: what the variable holds, or :data:`~seeding.ABSENT`. The
                scope of another graph is replaced if it is a bare seed. One
                that somebody opened, or that the building of a graph has left
                there, is not ours to touch.
        """
        if not (self.active or self._trial == get_ident()):
            return
        if not may_seed(scope):
            return
        try:
            seed = self._seed_for(resolver)
            if seed is not None and seed.scope is not scope:
                self._put(seed, scope)
        except Exception as error:
            self._give_up("could not seed a context", error)

    def seed(self, graph: Graph) -> SyncScope:
        """Seed the current context for *graph*; return its default scope."""
        seed = seed_of(graph, self.module)
        self.settle(graph, self.variable.get(ABSENT))
        return seed.scope

    def built(self, scope: Any) -> None:
        """Keep the default scope that the building of a graph has left."""
        if not (self.active or self._trial):
            return
        try:
            if is_default(scope, self.module):
                self._keep(scope)
        except Exception as error:
            # The graph is built, and gets a default scope when it needs one.
            self._give_up("could not keep the default scope of a graph", error)

    def _seed_for(self, resolver: Optional[Resolver]) -> Optional[Seed]:
        """Return what a context is seeded with, ``None`` without anything."""
        raise NotImplementedError

    def _put(self, seed: Seed, scope: Any) -> None:
        """Put *seed* where *scope* is, and count it if the context has none."""
        if scope is ABSENT and self.active:
            fill(self.variable, seed)
        else:
            put(self.variable, seed)

    def _is_own(self, original: Any) -> bool:
        """Tell whether *original* is something that ididi itself has put there."""
        raise NotImplementedError

    def _keep(self, scope: SyncScope) -> None:
        """Keep the default scope of the graph that was built last."""
        keep(scope)

    def _adopt(self) -> None:
        """Keep the default scope that the current context already has.

        A program that activates late has mostly built its graph by then, and
        here: its other contexts are to be given the very same scope.
        """
        root = root_of(self.variable.get(None), self.module)
        if root is not None and kept_by(keeper_of(root)) is None:
            self._keep(root)

    def _give_up(self, what: str, error: Exception) -> None:
        """Log *error*, the first time only.

        Not while the patch is tried out: if it fails, it is taken out again.
        """
        if self.active and not self._gave_up:
            self._gave_up = True
            log.log(
                log.WARNING,
                "%s; ididi answers as it would without ididi-scopefix",
                what,
                error=error,
            )

"""A patch of one ``ididi.graph`` module: in force whole, or not at all."""

from __future__ import annotations

from _thread import get_ident
from contextvars import ContextVar
from types import ModuleType
from typing import Any, Callable, Optional
from weakref import ref

from ididi_scopefix import _probe, _seeding
from ididi_scopefix._log import logger, root, seeded, warn_once
from ididi_scopefix._seeding import (
    ABSENT,
    Graph,
    Resolver,
    Seed,
    SyncScope,
    is_seed,
    set_marker,
    tally,
)


def patch_for(module: ModuleType) -> Patch:
    """Return a patch for *module*, not in force yet.

    Raises:
        AttributeError: the module lacks something that the patch needs.
    """
    # Here and not above: the import of ididi does not wait for the other way.
    if _probe.is_mutable(module.Resolver):
        from ididi_scopefix._patch_methods import MethodsPatch

        return MethodsPatch(module)
    from ididi_scopefix._patch_contextvar import ContextVarPatch

    return ContextVarPatch(module)


class ReplacedAttribute:
    """Replaces one attribute of a class or module, and puts back what was there.

    *owner* has it in its own namespace. *make* makes the replacement from what is
    there.
    """

    def __init__(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        self._owner, self._name, self._make = owner, name, make
        # Pairs of original and replacement. Mostly one pair. If a library wraps
        # the replacement and sets no __wrapped__, we can't see that ours is
        # inside: after off and on there is a second pair, around the wrapper.
        self._pairs: list[tuple[Any, Any]] = []

    @property
    def full_name(self) -> str:
        """The name by which a reader would import the attribute."""
        if isinstance(self._owner, type):
            path = f"{self._owner.__module__}.{self._owner.__qualname__}"
        else:
            path = self._owner.__name__
        return f"{path}.{self._name}"

    @property
    def original(self) -> Any:
        """What the replacement stands for, ``None`` if something else is there."""
        index = self._outermost()
        return None if index is None else self._pairs[index][0]

    def replace(self) -> None:
        """Put the replacement in, unless it is there, wrapped or not."""
        original: Any = self._owner.__dict__.get(self._name)
        found = original
        for _ in range(100):  # __wrapped__ may lead in a circle
            if any(found is replacement for _, replacement in self._pairs):
                return
            if not hasattr(found, "__wrapped__"):
                break
            found = found.__wrapped__
        replacement = self._make(original)
        # Noted first: whatever happens next, it can be put back.
        self._pairs.append((original, replacement))
        setattr(self._owner, self._name, replacement)

    def restore(self) -> None:
        """Put the original back, unless something else is there by now."""
        while (index := self._outermost()) is not None:
            original, _ = self._pairs.pop(index)
            setattr(self._owner, self._name, original)

    def _outermost(self) -> Optional[int]:
        """Return the index of the pair whose replacement is what is there."""
        found: Any = self._owner.__dict__.get(self._name)
        indices = (i for i, pair in enumerate(self._pairs) if pair[1] is found)
        return next(indices, None)


class Patch:
    """Makes the scope calls of one module seed the contexts they come from.

    ``MethodsPatch`` and ``ContextVarPatch`` differ in what they replace and in the
    graphs they can tell apart. What the module's classes allow decides.

    Attributes:
        module: the patched module, weakly.
        names: what the patch needs of it.
        variable: the module's own ``ContextVar``.
        replaced: everything that is replaced, in order.
        version: the version of the module's ididi.
        active: while false, nothing is seeded and every call passes through, but
            in the thread that proves the patch.
    """

    replaced: tuple[ReplacedAttribute, ...]
    version: Optional[str] = None

    def __init__(self, module: ModuleType) -> None:
        self.names = _seeding.names_of(module)
        _ = module.Resolver._create_scope  # needed later
        self.module = ref(module)
        self.variable: ContextVar[Any] = module._SCOPE_CONTEXT
        self.active: bool = False
        self._proving: Optional[int] = None

    def is_of(self, module: Optional[ModuleType]) -> bool:
        """Tell whether this is the patch of *module* and of its present classes.

        A module that is reloaded stays the same object and gets new ones.
        """
        return self.module() is module is not None and (
            getattr(module, "Resolver", None) is self.names.Resolver
        )

    def install(self) -> None:
        """Replace everything and prove that it helps, or raise and leave no trace."""
        try:
            # To other threads the patch is not active before it is proved: none
            # of them gets the default scope of a graph that the probe builds.
            self._proving = get_ident()
            for attribute in self.replaced:
                attribute.replace()
            # Wrappers of another library would count the probe's calls as the
            # program's.
            if all(self._is_ididis(attribute.original) for attribute in self.replaced):
                _probe.verify(self.names)
            self._adopt()
            self.active = True
        except BaseException:
            self.remove()
            raise
        finally:
            self._proving = None

    def _adopt(self) -> None:
        """Store the default scope of this context.

        A program that activates late has mostly built its graph here.
        """
        try:
            scope = _seeding.root_of(self.variable.get(None), self.names)
            if scope is not None and _seeding.stored_seed(scope, self.names) is None:
                self._store(scope, None)
        except Exception:
            pass  # its graph gets another one when it needs one

    def remove(self) -> None:
        """Put back what was there; where something else is, pass through it."""
        self.active = False
        for attribute in reversed(self.replaced):
            attribute.restore()

    def ensure_scope(self, resolver: Optional[Resolver], found: Any) -> None:
        """Seed the current context for *resolver*, if it is to be seeded.

        *resolver* is the graph or scope for which the variable is about to be read,
        ``None`` where that can't be known; *found* is what it holds, or ``ABSENT``.
        The seed of another graph is replaced. A scope that somebody opened, or that
        the building of a graph has left, stays. Never raises.
        """
        try:
            if not (self.active or self._proving == get_ident()):
                return
            if found is not ABSENT and not is_seed(found):
                return
            seed: Any
            try:
                asked: Any = resolver
                seed = asked._ididi_scopefix_seed  # SEED
                if type(seed) is not Seed:
                    raise TypeError
            except Exception:
                # A scope, a graph that was built before activation, or None.
                seed = self._seed_for(resolver)
                if seed is None:
                    return
            set_marker(seed.marker)
            self.variable.set(seed.scope)
            if found is ABSENT and self.active:
                next(tally.steps)
                # The levels are compared here, since asking the logger takes as
                # long as all the rest of a seeding.
                if tally.unsaid and (logger.level or root.level) <= tally.level:
                    seeded(resolver)
        except Exception as error:
            self._warn("could not seed a context", error)

    def seed(self, graph: Graph) -> SyncScope:
        """Seed the current context for *graph*; return its default scope."""
        seed = _seeding.seed_of(graph, self.names)
        self.ensure_scope(graph, self.variable.get(ABSENT))
        return seed.scope

    def graph_built(self, graph: Optional[Resolver], scope: Any) -> None:
        """Store the default *scope* that the building of *graph* has left."""
        try:
            is_on = self.active or self._proving is not None
            if is_on and _seeding.is_default(scope, self.names):
                self._store(scope, graph)
        except Exception as error:
            # The graph is built, and gets a default scope when it needs one.
            self._warn("could not store the default scope of a graph", error)

    def _seed_for(self, resolver: Optional[Resolver]) -> Optional[Seed]:
        """Return the seed for a context of *resolver*, ``None`` without one."""
        raise NotImplementedError

    def _is_ididis(self, original: Any) -> bool:
        """Tell whether *original* is what ididi itself has put there."""
        raise NotImplementedError

    def _store(self, scope: SyncScope, graph: Optional[Resolver]) -> None:
        """Store the default *scope* of *graph*, or of one built before activation."""
        _seeding.store_new(scope, graph, self.names)

    def _warn(self, what: str, error: Exception) -> None:
        """Log *error*, the first time only, and not while the patch is proved."""
        if self.active and warn_once is not None:  # the interpreter may be ending
            warn_once(f"{what}; ididi answers as without ididi-scopefix", error)

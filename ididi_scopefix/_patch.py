"""A patch of one ``ididi.graph`` module: in force whole, or not at all."""

from _thread import get_ident
from contextlib import suppress
from contextvars import ContextVar
from types import ModuleType
from typing import Any, Callable, Optional
from weakref import ref

from ididi_scopefix import _probe, _seeding
from ididi_scopefix._log import logger, root, seeded, warn_once
from ididi_scopefix._seeding import ABSENT, Seed, is_seed, set_marker, tally

Function = Callable[..., Any]


class ReplacedAttribute:
    """Replaces an attribute of a class or module, and puts back what was there.

    *owner*, which can be imported as *path*, has it in its own namespace. *make*
    makes the replacement from what is there.
    """

    def __init__(self, owner: Any, path: str, name: str, make: Function) -> None:
        self._owner, self._name, self._make = owner, name, make
        self.full_name: str = f"{path}.{name}"
        # Pairs of original and replacement. Off and on adds a second one if a library
        # has wrapped the replacement without setting __wrapped__.
        self._pairs: list[tuple[Any, Any]] = []

    @property
    def original(self) -> Any:
        """What the replacement stands for, ``None`` if something else is there."""
        return next((pair[0] for pair in self._pairs if pair[1] is self._found()), None)

    def replace(self) -> None:
        """Put the replacement in, unless it is there, wrapped or not."""
        original = found = self._found()
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
        # Newest first: its original may be the replacement of an older pair.
        for pair in reversed(self._pairs):
            if pair[1] is self._found():
                self._pairs = [other for other in self._pairs if other is not pair]
                setattr(self._owner, self._name, pair[0])

    def _found(self) -> Any:
        return self._owner.__dict__.get(self._name)


class Patch:
    """Makes the scope calls of one module seed the contexts they come from.

    While it is not *active*, calls pass through, except in the thread that proves
    the patch.
    """

    replaced: tuple[ReplacedAttribute, ...]
    version: Optional[str] = None
    _proving: Optional[int] = None

    def __init__(self, module: ModuleType) -> None:
        self.names = _seeding.names_of(module)
        self.module = ref(module)
        self.variable: ContextVar[Any] = module._SCOPE_CONTEXT
        self.active: bool = False

    def is_of(self, module: "Optional[ModuleType]") -> bool:
        """Tell whether this is the patch of *module* and of its present classes.

        A module that is reloaded stays the same object and gets new ones.
        """
        return self.module() is module is not None and (
            getattr(module, "Resolver", None) is self.names.Resolver
        )

    def install(self) -> None:
        """Replace everything and prove that it helps, or raise and leave no trace."""
        try:
            # Other threads must not get the scope of a graph that the probe builds.
            self._proving = get_ident()
            for attribute in self.replaced:
                attribute.replace()
            originals = [attribute.original for attribute in self.replaced]
            # Another library's wrapper would count the probe's calls.
            if all(_probe.is_written_by(self.names, each) for each in originals):
                _probe.prove(self.names)
            # A program that activates late has mostly built its graph here.
            with suppress(Exception):  # it gets another one when it needs one
                scope = _seeding.root_of(self.variable.get(None), self.names)
                if scope is not None and not _seeding.stored_seed(scope, self.names):
                    Patch.store(self, scope, None)  # its graph may not be the newest
            self.active = True
        except BaseException:
            self.remove()
            raise
        finally:
            self._proving = None

    def remove(self) -> None:
        """Put back what was there; where something else is, pass through it."""
        self.active = False
        for attribute in reversed(self.replaced):
            attribute.restore()

    def ensure_scope(self, resolver: Any, found: Any) -> None:
        """Seed the current context for *resolver*, if it is to be seeded.

        *resolver* is the graph or scope for which the variable is about to be read,
        ``None`` where that can't be known; *found* is what it holds, or ``ABSENT``.
        The seed of another graph is replaced. Any other scope stays. Never raises.
        """
        try:
            is_on = self.active or self._proving == get_ident()
            if not is_on or (found is not ABSENT and not is_seed(found)):
                return
            try:
                seed: Any = resolver._ididi_scopefix_seed  # SEED
                if type(seed) is not Seed:
                    raise TypeError
            except Exception:
                # A scope, a graph that was built before activation, or None.
                seed = self.seed_for(resolver)
                if seed is None:
                    return
            set_marker(seed.marker)
            self.variable.set(seed.scope)
            if found is ABSENT and self.active:
                next(tally.steps)
                # To ask the logger would take as long as all the rest.
                if (logger.level or root.level) <= tally.level:
                    seeded(resolver)
        except Exception as error:
            self._warn("could not seed a context", error)

    def seed(self, graph: "_seeding.Graph") -> "_seeding.SyncScope":
        """Seed the current context for *graph*; return its default scope."""
        seed = _seeding.seed_of(graph, self.names)
        self.ensure_scope(graph, self.variable.get(ABSENT))
        return seed.scope

    def graph_built(self, graph: "Optional[_seeding.Resolver]", scope: Any) -> None:
        """Store the default *scope* that the building of *graph* has left."""
        try:
            is_on = self.active or self._proving is not None
            root = _seeding.root_of(scope, self.names) if is_on else None
            if root is not None and root is scope:
                self.store(root, graph)
        except Exception as error:
            # The graph is built, and gets a default scope when it needs one.
            self._warn("could not store the default scope of a graph", error)

    def seed_for(self, resolver: "Optional[_seeding.Resolver]") -> "Optional[Seed]":
        """Return the seed for a context of *resolver*, ``None`` without one."""
        return None if resolver is None else _seeding.seed_of(resolver, self.names)

    def store(
        self, scope: "_seeding.SyncScope", graph: "Optional[_seeding.Resolver]"
    ) -> None:
        """Store the default *scope* of *graph*, or of the one that has injected itself."""
        if graph is None:
            graph = _seeding.graph_of(scope, self.names)
        _seeding.store_new(scope, graph)

    def _warn(self, what: str, error: Exception) -> None:
        """Log *error*, the first time only, and not while the patch is proved."""
        if self.active and warn_once is not None:  # the interpreter may be ending
            warn_once(f"{what}; ididi answers as without ididi-scopefix", error)

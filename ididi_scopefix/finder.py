"""Start-up: a finder that waits on ``sys.meta_path`` for ididi.

This runs at the start of every interpreter on the machine, before ``main``
and mostly in processes that never import ididi. Don't import any costly
module here: wrapt alone takes several times as long as starting the
interpreter.
"""

import sys
from _thread import get_ident

from ididi_scopefix import switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Optional

PACKAGE = "ididi"
GRAPH = "ididi.graph"

# The package is waited for as well as the module, because its hook has to be
# in place before the package starts to run: ididi binds its VERSION last.
_AWAITED = frozenset((PACKAGE, GRAPH))


# Which thread is asking the other finders for which name, through us.
_asking: "set[tuple[int, str]]" = set()


class Finder:
    """Finds an awaited module as the other finders do, with a loader of ours.

    Nothing is imported here. Python asks its finders with the lock of all
    imports held: whoever imports then waits for a module that another thread
    is importing, and that thread for the lock. The loader does the work.

    It stays where it is while it is asked: the importer walks the live list,
    and a finder that removes itself makes it skip the next one.
    """

    __slots__ = ()

    def find_spec(
        self,
        fullname: str,
        path: "Optional[Sequence[str]]" = None,
        target: "Optional[ModuleType]" = None,
    ) -> "Optional[ModuleSpec]":
        """Return the spec of an awaited module, ``None`` for all others."""
        try:
            if fullname not in _AWAITED or fullname in sys.modules:
                return None
            question = (get_ident(), fullname)
            if question in _asking:
                return None
            try:
                _asking.add(question)
                return self._find_elsewhere(fullname, path, target)
            finally:
                _asking.discard(question)
        except Exception:
            # Whatever it is, the import goes its way without us.
            return None

    def _find_elsewhere(
        self,
        fullname: str,
        path: "Optional[Sequence[str]]",
        target: "Optional[ModuleType]",
    ) -> "Optional[ModuleSpec]":
        """Return what the finders behind this one find."""
        finders = list(sys.meta_path)
        if self in finders:
            del finders[: finders.index(self) + 1]
        for finder in finders:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                loader: Any = spec.loader
                # Others load in ways that Python has given up.
                if hasattr(loader, "exec_module") and type(loader) is not Loader:
                    spec.loader = Loader(loader)  # type: ignore[assignment]
                return spec
        return None


class Loader:
    """Loads as the module's own loader does, with the hooks around it."""

    __slots__ = ("_loader",)

    def __init__(self, loader: "Any") -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._loader, name)

    def create_module(self, spec: "ModuleSpec") -> "Optional[ModuleType]":
        """Register the hooks with wrapt, and go on."""
        try:
            from ididi_scopefix.hook import register

            register()
        except Exception:  # noqa: S110
            # What went wrong has been reported if anything could still report
            # it: the package may have been removed under a running process.
            # The import of ididi must not fail for it.
            pass
        return self._loader.create_module(spec)  # type: ignore[no-any-return]

    def exec_module(self, module: "ModuleType") -> None:
        """Run the module's code as if nothing were around it, then the hook."""
        try:
            for owner, name in ((module, "__loader__"), (module.__spec__, "loader")):
                if getattr(owner, name, None) is self:
                    setattr(owner, name, self._loader)
        except Exception:  # noqa: S110
            # A module that keeps a loader it can work with, as wrapt's do.
            pass
        self._loader.exec_module(module)
        try:
            from ididi_scopefix.hook import loaded

            loaded(module)
        except Exception:
            return


_finder = Finder()


def arm() -> None:
    """Put the finder on ``sys.meta_path``; do nothing if it is there."""
    if not is_armed():
        sys.meta_path.insert(0, _finder)


def disarm() -> None:
    """Take the finder off ``sys.meta_path``; do nothing if it isn't there."""
    if is_armed():
        # A new list, not a shorter one: another thread may be walking this one
        # for an import of its own and would skip the finder behind ours.
        sys.meta_path = [entry for entry in sys.meta_path if entry is not _finder]


def is_armed() -> bool:
    """Tell whether the finder is on ``sys.meta_path``."""
    return any(entry is _finder for entry in sys.meta_path)


def start() -> None:
    """Activate, as cheaply as the moment allows.

    This is what the start-up files call. As long as ididi has not been
    imported there is nothing to do but to wait for it; the modules that do the
    work are loaded only if it is here already.
    """
    if switch.is_off():
        return
    if GRAPH in sys.modules:
        from ididi_scopefix.activation import activate

        activate()
    else:
        arm()

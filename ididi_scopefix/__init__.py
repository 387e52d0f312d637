"""Every ididi scope call works in every context.

Importing this package activates it, unless the environment variable
``IDIDI_SCOPEFIX`` says no::

    import ididi_scopefix  # anywhere before the first request
"""

# The start-up files that are installed beside the package (ididi-scopefix.pth,
# from Python 3.15 on ididi-scopefix.start) import this module at the start of
# every interpreter on the machine, before main and mostly in processes that
# never import ididi. That forbids
#
# - to import anything here that the interpreter has not loaded by itself:
#   wrapt alone takes several times as long as starting Python, and even
#   another small module of this package costs more than all that is below,
# - to print anything or to raise.
#
# So the whole of the start-up is here: a finder that waits for ididi. The rest
# of the package is loaded when ididi is imported, or when somebody asks for it
# by name.

import sys
from _thread import get_ident
from os import environ

__version__ = "0.1.0"

__all__ = [
    "Status",
    "__version__",
    "activate",
    "deactivate",
    "seed",
    "status",
]

# The name type checkers know, without importing typing.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Optional

    from ididi_scopefix.activation import activate, deactivate, seed, status
    from ididi_scopefix.report import Status

_SWITCH = "IDIDI_SCOPEFIX"

_PACKAGE = "ididi"
_GRAPH = "ididi.graph"

# The package is waited for as well as the module: the hook on the module has
# to be in place before it is looked for, and ididi binds its VERSION last.
_AWAITED = frozenset((_PACKAGE, _GRAPH))


class _Loader:
    """Loads a module as its own loader does, with the hook around it."""

    def __init__(self, loader: "Any") -> None:
        self._loader = loader

    def __getattr__(self, name: str) -> "Any":
        return getattr(self._loader, name)

    def create_module(self, spec: "ModuleSpec") -> "Any":
        """Register the hook, and go on."""
        try:
            from ididi_scopefix import hook

            hook.register()
        except Exception:
            # What went wrong has been reported if anything could still report
            # it: the package may have been removed under a running process.
            # The import of ididi must not fail for it.
            pass
        return self._loader.create_module(spec)

    def exec_module(self, module: "Any") -> None:
        """Run the module's code as if nothing were around it, and go on."""
        try:
            for owner, name in ((module, "__loader__"), (module.__spec__, "loader")):
                if getattr(owner, name, None) is self:
                    setattr(owner, name, self._loader)
        except Exception:
            # Not every module lets its attributes be set.
            pass
        self._loader.exec_module(module)
        try:
            from ididi_scopefix import hook

            hook.loaded(module)
        except Exception:
            pass


class _Finder:
    """Finds ididi as the finders behind it do, with a loader of ours around.

    Nothing is imported here. Python asks its finders with the lock of all
    imports held: whoever imports then waits for a module that another thread
    is importing, and that thread for the lock. The loader does the work.

    The finder stays where it is while it is asked: the importer walks the live
    list, and one that removes itself makes it skip the next.
    """

    def __init__(self) -> None:
        # Which thread is asking the finders behind for which name: one of them
        # may start again from the first.
        self._asking: set[tuple[int, str]] = set()

    def find_spec(
        self,
        fullname: str,
        path: "Optional[Sequence[str]]" = None,
        target: "Optional[ModuleType]" = None,
    ) -> "Optional[ModuleSpec]":
        """Return the spec of an awaited module, ``None`` for others."""
        try:
            if fullname not in _AWAITED:
                return None
            question = (get_ident(), fullname)
            if question in self._asking:
                return None
            self._asking.add(question)
            try:
                return self._find_behind(fullname, path, target)
            finally:
                self._asking.discard(question)
        except Exception:
            # Whatever it is, the import goes its way without us.
            return None

    def _find_behind(
        self,
        fullname: str,
        path: "Optional[Sequence[str]]",
        target: "Optional[ModuleType]",
    ) -> "Optional[ModuleSpec]":
        finders = iter(list(sys.meta_path))
        for finder in finders:
            if finder is self:
                break
        for finder in finders:
            spec = finder.find_spec(fullname, path, target)
            if spec is not None:
                loader: Any = spec.loader
                # Some load in a way that Python has given up.
                if hasattr(loader, "exec_module"):
                    spec.loader = _Loader(loader)  # type: ignore[assignment]
                return spec
        return None

    def arm(self) -> None:
        """Wait on ``sys.meta_path``; do nothing if it waits there already."""
        if not self.is_armed():
            sys.meta_path.insert(0, self)

    def disarm(self) -> None:
        """Wait no longer; do nothing if it doesn't."""
        if self.is_armed():
            # A new list, not a shorter one: another thread may be walking this
            # one for an import of its own and would skip the finder behind.
            sys.meta_path = [entry for entry in sys.meta_path if entry is not self]

    def is_armed(self) -> bool:
        """Tell whether the finder is on ``sys.meta_path``."""
        # Not with "in": it would ask the other finders whether they are equal.
        return any(entry is self for entry in sys.meta_path)


_finder = _Finder()


def _is_off() -> bool:
    """Tell whether the environment says no.

    ``0``, ``false``, ``off`` and ``no`` in any case, with white space around
    them or not, say no. Anything else is as if the variable were not set.
    """
    return environ.get(_SWITCH, "").strip().lower() in ("0", "false", "off", "no")


def _start() -> None:
    """Activate, as cheaply as the moment allows.

    As long as ididi has not been imported there is nothing to do but to wait
    for it; the modules that do the work are loaded only if it is here already.
    """
    if _is_off():
        return
    if _GRAPH in sys.modules:
        from ididi_scopefix.activation import activate

        activate()
    else:
        _finder.arm()


def __getattr__(name: str) -> object:
    if name == "Status":
        from ididi_scopefix.report import Status

        return Status
    if name in ("activate", "deactivate", "seed", "status"):
        from ididi_scopefix import activation

        return getattr(activation, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> "list[str]":
    return sorted({*globals(), *__all__})


_start()

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
    from typing import Optional

    from ididi_scopefix.activation import activate, deactivate, seed, status
    from ididi_scopefix.report import Status

_SWITCH = "IDIDI_SCOPEFIX"

_PACKAGE = "ididi"
_GRAPH = "ididi.graph"

# The package is waited for as well as the module, because its hook has to be
# in place before the package starts to run: ididi binds its VERSION last.
_AWAITED = frozenset((_PACKAGE, _GRAPH))


class _Finder:
    """Hands an import of ididi over to wrapt's post-import hooks.

    It finds nothing itself. It stays where it is while it is asked: the
    importer walks the live list, and a finder that removes itself makes it
    skip the next one.
    """

    def find_spec(
        self,
        fullname: str,
        path: "Optional[Sequence[str]]" = None,
        target: "Optional[ModuleType]" = None,
    ) -> "Optional[ModuleSpec]":
        """Return what wrapt makes of an awaited module, ``None`` for others."""
        if fullname not in _AWAITED:
            return None
        try:
            from ididi_scopefix.hook import hand_over

            return hand_over(fullname)
        except Exception:
            # What went wrong has been reported if anything could still report
            # it: the package may have been removed under a running process.
            # The import of ididi must not fail for it.
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

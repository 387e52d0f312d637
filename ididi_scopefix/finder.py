"""Start-up: a finder that waits on ``sys.meta_path`` for ididi.

This runs at the start of every interpreter on the machine, before ``main``
and mostly in processes that never import ididi. Don't import any costly
module here: wrapt alone takes several times as long as starting the
interpreter.
"""

import sys

from ididi_scopefix import switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Optional

PACKAGE = "ididi"
GRAPH = "ididi.graph"

# The package is waited for as well as the module, because its hook has to be
# in place before the package starts to run: ididi binds its VERSION last.
_AWAITED = frozenset((PACKAGE, GRAPH))


class Finder:
    """Hands an import of ididi over to wrapt's post-import hooks.

    It finds nothing itself. It stays where it is while it is asked: the
    importer walks the live list, and a finder that removes itself makes it
    skip the next one.
    """

    __slots__ = ()

    def find_spec(
        self,
        fullname: str,
        path: "Optional[Sequence[str]]" = None,
        target: "Optional[ModuleType]" = None,
    ) -> "Optional[ModuleSpec]":
        """Return what wrapt makes of an awaited module, ``None`` for others."""
        try:
            if fullname not in _AWAITED:
                return None
            from ididi_scopefix.hook import hand_over

            return hand_over(fullname)
        except Exception:
            # What went wrong has been reported if anything could still report
            # it: the package may have been removed under a running process.
            # The import of ididi must not fail for it.
            return None


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

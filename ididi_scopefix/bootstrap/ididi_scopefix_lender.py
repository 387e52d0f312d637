"""Makes the shim importable in an interpreter that doesn't have it."""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Optional


class Lender:
    """Finds the shim and its dependencies where ``run`` has found them.

    It finds nothing else there: what lies beside them is not the program's
    business. And the dependencies are there only when the shim needs them, so
    that a program which doesn't use ididi has the modules it always had.

    Args:
        folders: where to look.
    """

    def __init__(self, folders: "list[str]") -> None:
        self._folders = folders

    def find_spec(
        self,
        fullname: str,
        path: "Optional[Sequence[str]]" = None,
        target: "Optional[ModuleType]" = None,
    ) -> "Optional[ModuleSpec]":
        """Return the spec of a package that is lent, ``None`` for others."""
        if fullname == "ididi_scopefix" or (
            fullname in ("wrapt", "packaging")
            and "ididi_scopefix.activation" in sys.modules
        ):
            from importlib.machinery import PathFinder

            return PathFinder.find_spec(fullname, self._folders)
        return None


def activate() -> None:
    """Import the shim: the program's own, or else the one that is lent."""
    folders = os.environ.get("IDIDI_SCOPEFIX_LENDING", "").split(os.pathsep)
    # Last, where it is asked for what nobody else has found.
    sys.meta_path.append(Lender([folder for folder in folders if folder]))
    __import__("ididi_scopefix")

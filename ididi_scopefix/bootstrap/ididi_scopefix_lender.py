"""Makes the shim importable in an interpreter that doesn't have it."""

import os
import sys
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    PathFinder,
    SourceFileLoader,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Optional

SHIM = "ididi_scopefix"
REQUIREMENTS = ("wrapt", "packaging")


class Lender:
    """Finds the shim and its requirements where ``run`` has found them.

    It finds nothing else there: what lies beside them is not the program's
    business. And the requirements are there only when the shim needs them, so
    that a program which doesn't use ididi has the modules it always had.

    Args:
        folders: where to look.
    """

    def __init__(self, folders: "list[str]") -> None:
        self._folders = folders
        self._packages = tuple(
            os.path.join(folder, name, "")
            for folder in folders
            for name in (SHIM, *REQUIREMENTS)
        )

    def find_spec(
        self,
        fullname: str,
        path: "Optional[Sequence[str]]" = None,
        target: "Optional[ModuleType]" = None,
    ) -> "Optional[ModuleSpec]":
        """Return the spec of a package that is lent, ``None`` for others."""
        if fullname == SHIM or (
            fullname in REQUIREMENTS and f"{SHIM}.activation" in sys.modules
        ):
            return PathFinder.find_spec(fullname, self._folders)
        return None

    def path_hook(self, path: str) -> FileFinder:
        """Return a finder for a folder of what is lent.

        Raises:
            ImportError: it is another folder.
        """
        if path in self._folders or f"{path}{os.sep}".startswith(self._packages):
            return FileFinder(
                path,
                (ExtensionFileLoader, EXTENSION_SUFFIXES),
                (_Reader, SOURCE_SUFFIXES),
            )
        raise ImportError("not lent", path=path)


class _Reader(SourceFileLoader):
    """Loads modules without leaving bytecode beside them."""

    def set_data(self, path: str, data: object, *, _mode: int = 0) -> None:
        """Write nothing."""


def activate() -> None:
    """Import the shim: the program's own, or else the one that is lent."""
    names = os.environ.get("IDIDI_SCOPEFIX_LENDING", "").split(os.pathsep)
    lender = Lender([name for name in names if name and name not in sys.path])
    sys.path_hooks.insert(0, lender.path_hook)
    # Last, where it is asked for what nobody else has found.
    sys.meta_path.append(lender)
    __import__(SHIM)

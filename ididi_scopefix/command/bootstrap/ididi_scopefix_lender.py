"""Makes the shim importable in an interpreter that doesn't have it."""

# Loaded into every program that is run: nothing here loads typing.

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

SHIM = "ididi_scopefix"


class Reader(SourceFileLoader):
    """Loads modules without writing bytecode beside them."""

    def set_data(self, path: str, data: object, *, _mode: int = 0) -> None:
        """Write nothing."""


class Lender:
    """Finds the shim and its requirements where ``run`` has found them.

    Nothing else in those folders can be imported through it. The requirements
    can be imported only once the shim itself needs them: a program that doesn't
    use ididi finds the modules that it always found, and no more.

    Args:
        lent: the folder of each package that is lent.
    """

    def __init__(self, lent: "dict[str, str]") -> None:
        self._lent = lent

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> object:
        """Return the spec of a package that is lent, ``None`` for others."""
        is_needed = fullname == SHIM or f"{SHIM}._activation" in sys.modules
        if fullname in self._lent and is_needed:
            return PathFinder.find_spec(fullname, [self._lent[fullname]])
        return None

    def path_hook(self, path: str) -> FileFinder:
        """Return a finder for a folder of what is lent.

        Raises:
            ImportError: it is another folder.
        """
        packages = (os.path.join(self._lent[name], name, "") for name in self._lent)
        if path in self._lent.values() or os.path.join(path, "").startswith(
            tuple(packages)
        ):
            extensions = (ExtensionFileLoader, EXTENSION_SUFFIXES)
            return FileFinder(path, extensions, (Reader, SOURCE_SUFFIXES))
        raise ImportError("not lent", path=path)


def import_shim() -> None:
    """Import the shim: the program's own, or else the one that is lent."""
    words = os.environ.get("IDIDI_SCOPEFIX_LENDING", "").split(os.pathsep)
    pairs = (word.partition("=") for word in words if word)
    lender = Lender(
        {name: folder for name, _, folder in pairs if folder not in sys.path}
    )
    sys.path_hooks.insert(0, lender.path_hook)
    # Last, so that it is asked only for what no other finder has found.
    sys.meta_path.append(lender)  # type: ignore[arg-type]
    __import__(SHIM)

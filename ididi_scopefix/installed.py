"""Which version of ididi this is.

Of 1.5.1 to 1.5.4 only the distribution's metadata knows, and the others bind
their ``VERSION`` when the package's own code ends, after ``ididi.graph``.
"""

from __future__ import annotations

import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import TYPE_CHECKING, Optional

from ididi_scopefix import _PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import ModuleType


def version_on_path() -> Optional[str]:
    """Return the version of the ididi that would be imported, if there is one.

    From the metadata alone: ididi is not imported.
    """
    return next(_versions(distributions(name=_PACKAGE)), None)


def version_of(module: ModuleType) -> Optional[str]:
    """Return the version of the ididi that the imported *module* is part of.

    Args:
        module: ``ididi.graph``. The metadata beside it counts, not those of
            another ididi that it hides from ``sys.path``.

    Returns:
        The version from the metadata, else from ididi itself; ``None`` if
        neither says, or does not say it yet.
    """
    file = getattr(module, "__file__", None)
    if file is not None:
        folder = str(Path(file).parent.parent)
        beside = distributions(name=_PACKAGE, path=[folder])
        elsewhere = (
            distribution
            for distribution in distributions(name=_PACKAGE)
            if not _has_own_files(distribution)
        )
        for candidates in (beside, elsewhere):
            for version in _versions(candidates):
                return version
    package = sys.modules.get(_PACKAGE)
    for name in ("VERSION", "__version__"):
        own: object = getattr(package, name, None)
        if isinstance(own, str):
            return own
    return None


def _versions(candidates: Iterable[Distribution]) -> Iterator[str]:
    for distribution in candidates:
        try:
            version = _version_in(distribution)
        except Exception:
            # A half-removed distribution; which exception depends on Python.
            continue
        if version:
            yield version


def _version_in(distribution: Distribution) -> Optional[str]:
    """Return the version that the metadata of *distribution* give.

    From the very line, if there is one: to parse the metadata takes the email
    package, and as long as loading and proving the patch.
    """
    files = ("METADATA", "PKG-INFO")
    text = next(filter(None, map(distribution.read_text, files)), "")
    for line in text.partition("\n\n")[0].splitlines():
        name, _, value = line.partition(":")
        if name.lower() == "version":
            return value.strip()
    return distribution.metadata["Version"]


def _has_own_files(distribution: Distribution) -> bool:
    """Tell whether *distribution* has installed an ``ididi.graph`` of its own.

    An editable one has not: its modules are wherever they are developed.
    """
    return any(
        file.parts[0] == _PACKAGE and file.stem.partition(".")[0] == "graph"
        for file in distribution.files or ()
    )

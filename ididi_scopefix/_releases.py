"""What is known about ididi's releases, and which of them this is.

Code, tests and documents follow :data:`VERIFIED`. A new release of ididi that
is still affected and passes the matrix is one more line in it.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from types import ModuleType
from typing import Optional

AFFECTED = ">=1.4.4"
"""The releases that this package patches, as a specifier of PEP 440."""

# fmt: off
VERIFIED = (
    "1.4.4",
    "1.5.0", "1.5.1", "1.5.2", "1.5.3", "1.5.4",
    "1.6.0", "1.6.1", "1.6.2", "1.6.3", "1.6.4",
    "1.7.0", "1.7.1", "1.7.2", "1.7.3", "1.7.4",
    "1.7.5", "1.7.6", "1.7.7", "1.7.8", "1.7.9",
    "1.8.0", "1.8.1", "1.8.2", "1.8.3", "1.8.4",
)
# fmt: on
"""The releases on which the whole behaviour suite passes, oldest first."""

UNAFFECTED = {
    "<1.4.3": "OutOfScopeError outside a scope is by design, nothing is to be fixed",
    "==1.4.3.*": "it has the same LookupError elsewhere: upgrade to 1.4.4 or newer",
}
"""The releases before those, as specifiers, and why they are left alone."""

REQUIREMENTS = ("wrapt", "packaging")
"""The packages that this package needs beside ididi."""


class UnknownReleaseError(Exception):
    """This package does not understand the ididi that is installed."""


# packaging takes longer to load than all the rest that an import of ididi waits
# for. A version that the table spells in the same way is answered without it.


def is_affected(version: str) -> bool:
    """Tell whether a release is in the range that this package patches.

    Like the two functions below, it compares as PEP 440 does, and raises
    ``packaging.version.InvalidVersion`` for what is no version of PEP 440.
    """
    return version in VERIFIED or _contains(AFFECTED, version)


def is_verified(version: str) -> bool:
    """Tell whether a release is one on which the behaviour suite passed."""
    if version in VERIFIED:
        return True
    from packaging.version import Version

    return Version(version) in map(Version, VERIFIED)


def reason_to_leave_alone(version: str) -> str:
    """Return why a release that is not affected is left alone, as a sentence."""
    for specifier, reason in UNAFFECTED.items():
        if _contains(specifier, version):
            return f"ididi {version} is left alone: {reason}."
    return f"ididi {version} is left alone: it is not in the range {AFFECTED}."


def _contains(specifier: str, version: str) -> bool:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    return SpecifierSet(specifier).contains(Version(version), prereleases=True)


def version_of(module: Optional[ModuleType]) -> Optional[str]:
    """Return the version of the ididi that *module*, an ``ididi.graph``, is part of.

    From the metadata beside it, not from those of an ididi that it hides, and else
    from ididi itself. Of 1.5.1 to 1.5.4 only the metadata know it; the others bind
    ``VERSION`` in the last lines of ``ididi/__init__.py``. Without a module it is the
    version that an import would find. ``None`` if it is unknown.
    """
    try:
        # A module that is loaded lazily loads if its attributes are looked up.
        if module is None:
            return next(_versions(distributions(name="ididi")), None)
        file: str = object.__getattribute__(module, "__file__")
        beside = distributions(name="ididi", path=[str(Path(file).parent.parent)])
        others = itertools.filterfalse(_has_own_files, distributions(name="ididi"))
        return next(_versions(itertools.chain(beside, others)))
    except Exception:
        pass  # none has metadata, or a finder of distributions has raised
    package = sys.modules.get("ididi") if module is not None else None
    own = getattr(package, "VERSION", None) or getattr(package, "__version__", None)
    return own if isinstance(own, str) else None


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
    """Return the version in the metadata of *distribution*.

    Parsing them would load the email package: as much work as the patch.
    """
    files = ("METADATA", "PKG-INFO")
    text = next(filter(None, map(distribution.read_text, files)), "")
    for line in text.partition("\n\n")[0].splitlines():
        name, _, value = line.partition(":")
        if name.lower() == "version":
            return value.strip()
    return distribution.metadata["Version"]


def _has_own_files(distribution: Distribution) -> bool:
    """Tell whether *distribution*, not an editable one, has its own ``ididi.graph``."""
    return any(
        file.parts[0] == "ididi" and file.stem.partition(".")[0] == "graph"
        for file in distribution.files or ()
    )

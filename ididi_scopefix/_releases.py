"""What is known about ididi's releases, and which of them this is.

Code, tests and documents follow :data:`VERIFIED`. A new release of ididi that
is still affected and passes the matrix is one more line in it.
"""

import itertools
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from importlib.metadata import Distribution, distributions
from types import ModuleType, SimpleNamespace
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from packaging.version import Version
else:
    Version = Any  # annotations can be evaluated without packaging

AFFECTED = ">=1.4.4"  # the releases that are patched, as a specifier of PEP 440

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

REQUIREMENTS = ("wrapt", "packaging")  # beside ididi


class UnknownReleaseError(Exception):
    """This package does not understand the ididi that is installed."""


def is_verified(version: "Optional[str]") -> bool:
    """Tell whether a release is one on which the behaviour suite passed.

    This and the next one compare as PEP 440 does, and raise ``UnknownReleaseError`` for
    ``None`` and for what is no version of PEP 440.
    """
    return version in VERIFIED or _parsed(version) in map(_parsed, VERIFIED)


def reason_to_leave_alone(version: "Optional[str]") -> "Optional[str]":
    """Return why a release is left alone, as a sentence; ``None`` if it is affected."""
    if version in VERIFIED:
        return None
    parsed = _parsed(version)
    from packaging.specifiers import SpecifierSet

    if SpecifierSet(AFFECTED).contains(parsed, prereleases=True):
        return None
    reason = f"it is not in the range {AFFECTED}"
    for specifier, found in UNAFFECTED.items():
        if SpecifierSet(specifier).contains(parsed, prereleases=True):
            reason = found
    return f"ididi {version} is left alone: {reason}."


def _parsed(version: "Optional[str]") -> Version:
    # Imported here because it is slow to load: a version that is spelled as in the
    # table is answered without it.
    from packaging.version import InvalidVersion, Version

    if version is None:
        sentence = "the version of ididi is unknown, since its metadata are missing"
        raise UnknownReleaseError(f"{sentence}: reinstall it")
    try:
        return Version(version)
    except InvalidVersion:
        sentence = f"{version!r} is no version of PEP 440: reinstall ididi"
        raise UnknownReleaseError(sentence) from None


def version_of(module: "Optional[ModuleType]") -> "Optional[str]":
    """Return the version of the ididi that *module*, an ``ididi.graph``, is part of.

    It is read from the metadata beside the module, or else from ididi's own VERSION.
    Without a module it is the version that an import would find.
    """
    package = None
    try:
        if module is not None:
            package = sys.modules.get("ididi")
            # A module that is loaded lazily loads if its attributes are looked up.
            file: str = object.__getattribute__(module, "__file__")
            found = _beside(os.path.dirname(os.path.dirname(file)))
        else:
            found = iter(distributions(name="ididi"))
        return next(filter(None, map(_version_in, found)))
    except Exception:
        pass  # none has metadata, or a finder of distributions has raised
    own = getattr(package, "VERSION", None)
    return own if isinstance(own, str) else None


def _beside(folder: str) -> "Iterator[Any]":
    """Yield the distributions of ididi in *folder*, then editable ones."""
    # By hand: importlib.metadata would look at all other packages as well.
    with suppress(OSError):  # it is a zip file
        for name in os.listdir(folder):
            if name.startswith("ididi-") and name.endswith(".dist-info"):
                yield SimpleNamespace(read_text=partial(_text_of, folder, name))
    yield from distributions(name="ididi", path=[folder])
    yield from itertools.filterfalse(_has_files, distributions(name="ididi"))


def _text_of(*path: str) -> str:
    with open(os.path.join(*path), encoding="utf-8") as file:
        return file.read()


def _version_in(distribution: Any) -> "Optional[str]":
    """Return the version in the metadata of *distribution*."""
    # By hand: to parse them would load the email package, as much work as the patch.
    with suppress(Exception):  # it is half removed; which exception depends on Python
        files = ("METADATA", "PKG-INFO", "")  # the last is an egg-info that is a file
        text: str = next(filter(None, map(distribution.read_text, files)))
        for line in text.partition("\n\n")[0].splitlines():
            name, _, value = line.partition(":")
            if name.lower() == "version":
                return value.strip()
    return None


def _has_files(distribution: Distribution) -> bool:
    """Tell whether *distribution* lists files of ididi: editable ones don't."""
    return any(file.parts[0] == "ididi" for file in distribution.files or ())

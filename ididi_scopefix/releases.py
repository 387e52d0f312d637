"""What is known about ididi's releases: the one table of it.

Code, tests and README follow this table. A new release of ididi that is still
affected and passes the matrix is one more line in :data:`VERIFIED`.
"""

from __future__ import annotations

AFFECTED = ">=1.4.4"
"""The releases that this package patches, as a specifier of PEP 440."""

VERIFIED = (
    "1.4.4",
    "1.5.0",
    "1.5.1",
    "1.5.2",
    "1.5.3",
    "1.5.4",
    "1.6.0",
    "1.6.1",
    "1.6.2",
    "1.6.3",
    "1.6.4",
    "1.7.0",
    "1.7.1",
    "1.7.2",
    "1.7.3",
    "1.7.4",
    "1.7.5",
    "1.7.6",
    "1.7.7",
    "1.7.8",
    "1.7.9",
    "1.8.0",
    "1.8.1",
    "1.8.2",
    "1.8.3",
    "1.8.4",
)
"""The releases on which the whole behaviour suite passes, oldest first."""


# Plain classes for the rows: making one kind of named tuple or dataclass takes
# as long as importing a module, and the import of ididi waits for it.


class Family:
    """Releases of one shape.

    Attributes:
        specifier: which releases, as a specifier of PEP 440.
        advice: for releases that are not affected, what their user can do.
    """

    def __init__(self, specifier: str, advice: str = "") -> None:
        self.specifier = specifier
        self.advice = advice


FAMILIES = (
    Family(
        "<1.4.3",
        "use_scope() outside a scope raises OutOfScopeError there by design,"
        " and there is nothing to fix",
    ),
    Family(
        ">=1.4.3,<1.4.4",
        "it has the same LookupError but keeps its scope where this package"
        " does not reach: upgrade to 1.4.4 or newer",
    ),
)
"""The releases that are not affected, oldest first."""


# For a release that the table names in the very same spelling, the answers are
# there: the import of ididi does not wait for packaging, which takes longer to
# load than all the rest that is done then.


def is_affected(version: str) -> bool:
    """Tell whether a release is in the range that this package patches.

    Pre-, post-, dev- and local versions are compared as PEP 440 orders them.

    Raises:
        packaging.version.InvalidVersion: *version* is not one of PEP 440.
    """
    return version in VERIFIED or _contains(AFFECTED, version)


def is_verified(version: str) -> bool:
    """Tell whether a release is one on which the behaviour suite passed.

    Raises:
        packaging.version.InvalidVersion: *version* is not one of PEP 440.
    """
    if version in VERIFIED:
        return True
    from packaging.version import Version

    return Version(version) in map(Version, VERIFIED)


def advice(version: str) -> str:
    """Return why a release that is not affected is left alone, as a sentence.

    Raises:
        packaging.version.InvalidVersion: *version* is not one of PEP 440.
    """
    for family in FAMILIES:
        if family.advice and _contains(family.specifier, version):
            return f"ididi {version} is left alone: {family.advice}."
    return f"ididi {version} is left alone: it is not in the range {AFFECTED}."


def _contains(specifier: str, version: str) -> bool:
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    return SpecifierSet(specifier).contains(Version(version), prereleases=True)

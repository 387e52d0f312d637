"""What is known about ididi's releases: the one table of it.

Code, tests and README follow this table. A new release of ididi that is still
affected and passes the matrix is one more line in :data:`VERIFIED`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Literal

    EmptyContexts = Literal["never", "always", "option"]

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
        symptom: what a scope call does in a context without a scope.
        advice: for releases that are not affected, what their user can do.
    """

    def __init__(self, specifier: str, symptom: str, advice: str = "") -> None:
        self.specifier = specifier
        self.symptom = symptom
        self.advice = advice


FAMILIES = (
    Family(
        "<1.4.3",
        "`use_scope` raises `OutOfScopeError`, by design",
        "use_scope() outside a scope raises OutOfScopeError there by design,"
        " and there is nothing to fix",
    ),
    Family(
        ">=1.4.3,<1.4.4",
        "the same `LookupError`, from a variable on the class",
        "it has the same LookupError but keeps its scope where this package"
        " does not reach: upgrade to 1.4.4 or newer",
    ),
    Family(">=1.4.4,<1.5", "`LookupError`"),
    Family(">=1.5,<1.6", "`LookupError` (compiled)"),
    Family(">=1.6,<1.8.4", "`LookupError`"),
    Family(
        ">=1.8.4,<1.8.5",
        "`LookupError` from `use_scope` and `merge`; scopes have no parent",
    ),
)
"""Every release up to the newest verified one, oldest first."""


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


class Server:
    """Releases of uvicorn that start requests alike.

    Attributes:
        since: the first of them.
        empty_contexts: when they start a request in an empty context: never,
            always, or only with :data:`UVICORN_OPTION`.
    """

    def __init__(self, since: str, empty_contexts: EmptyContexts) -> None:
        self.since = since
        self.empty_contexts: EmptyContexts = empty_contexts


UVICORN = (
    Server("0", "never"),
    Server("0.39.0", "always"),
    Server("0.45.0", "option"),
)
"""Every release of uvicorn, oldest first."""

UVICORN_OPTION = "--reset-contextvars"


def empty_contexts(uvicorn: str) -> EmptyContexts:
    """Tell when a release of uvicorn starts a request in an empty context.

    Raises:
        packaging.version.InvalidVersion: *uvicorn* is not a version of PEP 440.
    """
    from packaging.version import Version

    version = Version(uvicorn)
    for server in reversed(UVICORN):
        if version >= Version(server.since):
            return server.empty_contexts
    return UVICORN[0].empty_contexts

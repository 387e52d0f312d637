"""What is known about ididi's releases, which of them this is, and a probe of others.

Code, tests and documents follow :data:`VERIFIED`. A new release of ididi that
is still affected and passes the matrix is one more line in it.
"""

import os
import re
import sys
from collections.abc import Iterator
from contextvars import Context
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, Optional

if TYPE_CHECKING:
    from importlib.metadata import Distribution

    from packaging.version import Version
else:
    Distribution = Version = Any  # annotations can be evaluated without them

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

    Raises:
        UnknownReleaseError: *version* is no version of PEP 440.
    """
    if version is None or version in VERIFIED:
        return version is not None
    return _parsed(version) in map(_parsed, VERIFIED)


def reason_to_leave_alone(version: "Optional[str]") -> "Optional[str]":
    """Return why a release is left alone, as a sentence.

    Returns:
        ``None`` if it is affected, or if its version is unknown: that is for the probe.

    Raises:
        UnknownReleaseError: *version* is no version of PEP 440.
    """
    if version is None or version in VERIFIED:
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


def _parsed(version: str) -> Version:
    # Imported here: a program may have a packaging.py of its own, and a version that
    # is spelled as in the table is answered without one.
    from packaging.version import InvalidVersion, Version

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
    if module is None:
        return version_beside(None)
    version = version_beside(vars(module).get("__file__"))
    own = getattr(sys.modules.get("ididi"), "VERSION", None)
    return version or (own if isinstance(own, str) else None)


def version_beside(file: "Optional[str]") -> "Optional[str]":
    """Return the version in the metadata beside the package that has *file*.

    Returns:
        ``None`` if there are none, or if they can't be read. Without a file it is the
        version in those that an import would find first.
    """
    try:
        found = map(_version_in, _distributions(file))
        return next(filter(None, found), None)
    except Exception as error:
        # A finder of distributions and an audit hook have reasons of their own.
        if not is_ours(error):
            raise
        return None


@lru_cache  # a sandbox may import all modules anew, again and again
def _metadata() -> ModuleType:
    # Imported here, where a file of the program that shadows a module of it is caught.
    import importlib.metadata

    return importlib.metadata


def _distributions(file: "Optional[str]") -> Iterator[Distribution]:
    distributions = _metadata().distributions
    if file is None:
        yield from distributions(name="ididi")
        return
    folder = os.path.dirname(os.path.dirname(file))
    yield from distributions(name="ididi", path=[folder])
    # An editable installation has its metadata elsewhere, and they list no module.
    for each in distributions(name="ididi"):
        if not any(path.parts[0] == "ididi" for path in each.files or ()):
            yield each


def _version_in(distribution: Distribution) -> "Optional[str]":
    for file in ("METADATA", "PKG-INFO", ""):  # the last is an egg-info that is a file
        try:
            text = distribution.read_text(file)
        except (OSError, UnicodeDecodeError):
            continue  # it is half removed, or no text
        # By hand: to parse it would load the email package.
        found = re.search(r"(?mi)^version:[ \t]*(\S+)", text or "")
        if found:
            return found[1]
    return None


def is_ours(error: BaseException) -> bool:
    """Tell whether *error* comes from code that this package calls.

    Time limits are raised at any moment, by signal handlers and by other threads.
    They have classes of their own, or are a ``TimeoutError``, and have to pass. A file
    of the program that shadows a module may raise a class of its own, too. Such a file
    could not be imported, so its name is not in ``sys.modules``.
    """
    module = type(error).__module__
    own = ("builtins", "ididi", "ididi_scopefix", "importlib", "packaging", "wrapt")
    is_known = module.partition(".")[0] in own or module not in sys.modules
    return is_known and not isinstance(error, TimeoutError)


def build_graphs(module: ModuleType) -> "tuple[Any, Any]":
    """Build two graphs to try, each in a context of its own."""
    graph, other = (Context().run(module.Graph, self_inject=False) for _ in range(2))
    return graph, other


def still_raises(module: ModuleType) -> bool:
    """Tell whether a scope call of *module* raises the ``LookupError`` of the bug.

    An error of ididi's own is an answer, and so is anything returned.

    Raises:
        UnknownReleaseError: the calls fail in another way.
    """
    errors = _errors(module, *build_graphs(module))
    if any(type(error) is LookupError for error in errors):
        return True
    for error in errors:
        if not type(error).__module__.startswith("ididi."):
            sentence = f"a scope call raised {error!r}: upgrade ididi-scopefix"
            raise UnknownReleaseError(sentence) from error
    return False


def prove(module: ModuleType, graphs: "tuple[Any, Any]") -> None:
    """Raise ``UnknownReleaseError`` if a scope call of *module* still raises.

    *graphs* were built before it was patched.
    """
    for pair in (graphs, build_graphs(module)):
        for error in _errors(module, *pair):
            sentence = f"a scope call still raised {error!r}: upgrade ididi-scopefix"
            raise UnknownReleaseError(sentence) from error


def _errors(module: ModuleType, graph: Any, other: Any) -> "list[Exception]":
    """Return what the scope calls of *module* raise, each in an empty context."""

    def use_scope() -> None:
        Context().run(graph.use_scope().use_scope)

    def scope() -> None:
        with graph.scope("probe"):
            graph.use_scope(module.DefaultScopeName)

    def ascope() -> None:
        # By hand, since there may be no event loop to run it in. The variable is read
        # before the loop is asked for.
        manager = graph.ascope("probe")
        for step in (manager.__aenter__, lambda: manager.__aexit__(None, None, None)):
            coroutine = step()
            try:
                coroutine.send(None)
                sentence = "a scope call waited for something: upgrade ididi-scopefix"
                coroutine.throw(UnknownReleaseError(sentence))
            except StopIteration:
                continue
            except RuntimeError as error:
                if "no running event loop" not in str(error):
                    raise
                return

    errors: list[Exception] = []
    for call in (use_scope, scope, ascope, lambda: graph.merge(other)):
        try:
            Context().run(call)
        except Exception as error:
            if isinstance(error, UnknownReleaseError) or not is_ours(error):
                raise
            errors.append(error)
    return errors

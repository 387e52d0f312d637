"""Activating and deactivating: the state of the shim in this process."""

from __future__ import annotations

import importlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Optional
from weakref import WeakSet, ref

from ididi_scopefix import _GRAPH, _PACKAGE, _SWITCH, _finder, _is_off, log

if TYPE_CHECKING:
    from types import ModuleType

    from ididi.graph import Graph, SyncScope

    from ididi_scopefix.patch import Patch
    from ididi_scopefix.report import State, Status

REQUIREMENTS = ("wrapt", "packaging")
_INSTALL = "pip install 'wrapt>=1.16,<3' packaging"


class _Unpatched:
    """Why ididi is not patched; without a module, why none was reached."""

    def __init__(self, state: State, reason: str, module: Optional[ModuleType]) -> None:
        self.state: State = state
        self.reason = reason
        self.module = None if module is None else ref(module)


# One lock for the three below. Nothing is imported while it is held: the hook
# takes it in a thread that holds the import locks of ididi.
_lock = threading.RLock()
_deactivated = False
_unpatched: Optional[_Unpatched] = None
# Weak: what a patch has put into a module keeps the patch, for as long as it
# is there, and a module that was imported anew lets its old self go.
_patches: WeakSet[Patch] = WeakSet()

_warned: set[str] = set()


def _renew_lock() -> None:
    global _lock
    _lock = threading.RLock()


# A child that is forked while another thread holds the lock would wait for it
# for ever, in its first import of ididi.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def activate() -> Status:
    """Patch ididi, now if it is imported and else as soon as it is.

    Does nothing if that is done already, and nothing if the environment
    variable ``IDIDI_SCOPEFIX`` says no. Never raises on account of ididi: what
    went wrong is the reason in the status.

    Returns:
        The status afterwards.
    """
    global _deactivated
    if not _is_off():
        with _lock:
            _deactivated = False
            _finder.arm()
        if _GRAPH in sys.modules:
            _catch_up()
    return status()


def deactivate() -> Status:
    """Put back everything that was replaced, and wait for ididi no longer.

    Scopes that are open still close. Where another library has wrapped what
    was put in, its wrapper stays and ours passes every call through. Does
    nothing if nothing is active.

    Returns:
        The status afterwards.
    """
    global _deactivated, _unpatched
    with _lock:
        _deactivated = True
        _unpatched = None
        _finder.disarm()
        for patch in list(_patches):
            patch.remove()
    return status()


def status() -> Status:
    """Tell what the shim does in this process, and why.

    Imports neither ididi nor wrapt. Before ididi is imported, its version is
    read from the metadata of the distribution.
    """
    # Here and not above: the import of ididi does not wait for it.
    from ididi_scopefix.report import Status

    module = sys.modules.get(_GRAPH)
    version = _version(module)
    with _lock:
        patch = _patch_of(module)
        if patch is not None and patch.active:
            return Status(
                "active",
                version,
                "every scope call works in every context.",
                patch.names,
                _seeded(),
            )
        state, reason = _inactivity(module, version)
    return Status(state, version, reason, (), _seeded())


def seed(graph: Graph) -> SyncScope:
    """Seed the current context for *graph* explicitly.

    For the entry points of people who would rather be explicit, such as the
    initializer of a thread pool::

        ThreadPoolExecutor(initializer=seed, initargs=(graph,))

    A context that has a scope which somebody opened is left alone. While the
    shim is not active no context is changed, but the call is safe to make.

    Args:
        graph: the :class:`ididi.Graph` whose scopes will be opened here.

    Returns:
        The graph's default scope.

    Raises:
        TypeError: *graph* is not a graph.
        RuntimeError: this ididi has no default scopes (1.4.2 and older).
    """
    with _lock:
        patches = list(_patches)
    for patch in patches:
        if patch.active and isinstance(graph, patch.module.Graph):
            return patch.seed(graph)
    module = sys.modules.get(_GRAPH)
    if module is None or not isinstance(graph, module.Graph):
        raise TypeError(
            f"seed() takes the ididi.Graph to seed this context for,"
            f" not {type(graph).__name__!r}"
        )
    return _default_scope_elsewhere(graph, module)


def consider(module: ModuleType, whole: bool = False) -> None:
    """Patch *module* if it is to be patched. Never raises.

    Args:
        module: ``ididi.graph``, whose code has run.
        whole: whether the code of the whole package has run, too. Some
            versions can't be told before.
    """
    try:
        if _deactivated or _is_off() or (whole and _is_known_unpatched(module)):
            return
        _decide(module, whole or not _is_initializing(_PACKAGE))
    except Exception as error:
        fail("could not patch ididi", error, module)


def fail(what: str, error: Exception, module: Optional[ModuleType] = None) -> None:
    """Record that *error* made it impossible to patch ididi, and warn once."""
    if isinstance(error, ModuleNotFoundError) and error.name in REQUIREMENTS:
        reason = f"{error.name} is missing, and ididi is as it was: {_INSTALL}"
    else:
        reason = f"{what}: {type(error).__name__}: {error}; ididi is as it was."
    _give_up(reason, module)
    log.log(log.DEBUG, "the error was", error=error)


def _give_up(reason: str, module: Optional[ModuleType]) -> None:
    """Record why ididi can't be patched, and warn once."""
    _record("failed", reason, module)
    if reason not in _warned:
        _warned.add(reason)
        log.log(log.WARNING, "ididi-scopefix is not active: %s", reason)


def _catch_up() -> None:
    """Patch the ididi that is imported already."""
    for name in (_PACKAGE, _GRAPH):
        if _is_initializing(name):
            # Another thread is importing it: wait until it has, with no lock
            # of ours held. In the importing thread itself this does nothing.
            try:
                importlib.import_module(name)
            except Exception as error:
                log.log(log.DEBUG, "the import of %s failed", name, error=error)
    module = sys.modules.get(_GRAPH)
    if module is not None and not _is_initializing(_GRAPH):
        consider(module)


def _decide(module: ModuleType, whole: bool) -> None:
    """Find out whether *module* is affected, and patch it if so."""
    global _unpatched
    with _lock:
        patch = _patch_of(module)
        if patch is not None and patch.active:
            return
    # Here and not above: reaching this line is what loading these was put off
    # for. Both requirements, even if this ididi can do without one of them: an
    # installation that lacks it is to be repaired, and says so.
    for requirement in REQUIREMENTS:
        importlib.import_module(requirement)

    from ididi_scopefix import installed, probe, releases, ways

    version = installed.version_of(module)
    if version is None:
        if whole:
            _give_up(
                "the version of ididi is unknown, since its metadata are missing;"
                " ididi is as it was: reinstall it.",
                module,
            )
        return
    try:
        affected = releases.is_affected(version)
        verified = releases.is_verified(version)
    except ValueError:
        _give_up(
            f"{version!r} is no version of PEP 440; ididi is as it was: reinstall it.",
            module,
        )
        return
    if not affected:
        _record("inactive", releases.advice(version), module)
        return
    if not verified:
        if not whole:
            return
        if not probe.still_raises(module):
            reason = f"ididi {version} answers in every context by itself."
            _record("inactive", reason, module)
            return
    if patch is None:
        patch = ways.choose(module)
    with _lock:
        # Another thread may have come first, with either.
        if _deactivated or _patch_of(module) not in (None, patch):
            return
        # Known before it is in force: deactivate() finds what there is.
        _patches.add(patch)
        _unpatched = None
        patch.install()
    log.log(log.DEBUG, "patched ididi %s: %s", version, ", ".join(patch.names))


def _record(state: State, reason: str, module: Optional[ModuleType]) -> None:
    global _unpatched
    with _lock:
        _unpatched = _Unpatched(state, reason, module)


def _is_known_unpatched(module: Optional[ModuleType]) -> bool:
    """Tell whether it is known that, and why, *module* is not patched."""
    return (
        _unpatched is not None
        and _unpatched.module is not None
        and (_unpatched.module() is module is not None)
    )


def _inactivity(
    module: Optional[ModuleType], version: Optional[str]
) -> tuple[State, str]:
    """Return the state in which no patch is in force, and its reason."""
    if _deactivated:
        return "disabled", "deactivate() was called; activate() undoes it."
    if _is_off():
        return "disabled", f"{_SWITCH} is off in the environment; unset it."
    if _unpatched is not None and (
        _unpatched.module is None or _is_known_unpatched(module)
    ):
        return _unpatched.state, _unpatched.reason
    if not _finder.is_armed():
        return "disabled", "nothing waits for ididi; activate() does."
    if module is not None:
        if _is_initializing(_GRAPH) or _is_initializing(_PACKAGE):
            return "waiting", "ididi is being imported."
        return "failed", "ididi was imported past the hook; activate() patches it."
    if version is None:
        return "waiting", "ididi is not installed here, or not on sys.path yet."
    return (
        "waiting",
        "ididi has not been imported yet; if affected, it is patched then.",
    )


def _patch_of(module: Optional[ModuleType]) -> Optional[Patch]:
    """Return the patch that was made of *module* as it is now, if there is one."""
    return next((patch for patch in _patches if patch.is_of(module)), None)


def _version(module: Optional[ModuleType]) -> Optional[str]:
    from ididi_scopefix import installed

    try:
        if module is None:
            return installed.version_on_path()
        return installed.version_of(module)
    except Exception as error:
        log.log(log.DEBUG, "the version of ididi could not be read", error=error)
        return None


def _seeded() -> int:
    # Not loaded means that no patch was ever made.
    seeding = sys.modules.get("ididi_scopefix.seeding")
    return 0 if seeding is None else seeding.total()


def _is_initializing(name: str) -> bool:
    """Tell whether the code of the module *name* is running in some thread."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))


def _default_scope_elsewhere(graph: Graph, module: ModuleType) -> SyncScope:
    """Return the default scope of a graph whose module is not patched."""
    from ididi_scopefix.default_scope import make_default_scope

    try:
        try:
            return graph.use_scope(module.DefaultScopeName)
        except LookupError:
            # What the shim would have prevented. Whoever asks for a seed can
            # work with the scope, and doesn't crash for the switch being off.
            return make_default_scope(graph, module)
    except Exception as error:
        raise RuntimeError(
            f"this graph has no default scope: {status().reason}"
        ) from error

"""From an import of ididi to its patch, and why it is not patched.

``_Finder`` in ``__init__`` must not import anything. The loader that it puts around
ididi's calls :func:`load`, which may: it registers the hook before ididi imports
``ididi.graph``. wrapt calls the hook when the code of ``ididi.graph`` has run, and
:func:`patch_if_affected` decides by the version.
"""

import importlib
import os
import sys
import threading
import time
from _thread import get_ident
from contextlib import suppress
from traceback import walk_stack
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable, Optional
from weakref import WeakSet, ref

from ididi_scopefix import _SWITCH, _finder, _is_off, _log, _releases, _seeding

if TYPE_CHECKING:
    from ididi_scopefix._api import State
    from ididi_scopefix._patch import Patch
else:
    State, Patch = str, Any

PACKAGE, GRAPH = "ididi", "ididi.graph"
Decision = tuple[State, str, Optional[str], Optional[ref[ModuleType]]]
"""Why ididi is not patched: the state, a sentence, the version, the module."""

# Guards the three below. Nothing is imported or logged while it is held: the
# hook's thread holds the import locks of ididi, and a log handler may ask for the status.
lock = threading.RLock()
deactivated = False
decision: Optional[Decision] = None
# Weak: a module refers to its patch, and is collected with it if imported anew.
patches: WeakSet[Patch] = WeakSet()

_registered = False  # whether wrapt has our hook; it drops it when it calls it

# A child that is forked while another thread holds the lock would wait for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: globals().update(lock=threading.RLock()))


def load(loader: Any, method: "Callable[[Any], Any]", argument: Any) -> Any:
    """Load a module by *method* of its own loader, which *loader* stands for.

    *argument* is the module, or its name for ``load_module``.
    """
    name = ""
    try:
        _put_back(loader, argument)
        name = argument if isinstance(argument, str) else argument.__name__
        if name == PACKAGE:
            _register_hook()
        elif name != GRAPH:
            # A library's import hook has loaded ididi past the finder.
            _patch_if_loaded()
            _finder.waiting = not is_decided() and is_initializing(PACKAGE)
    except Exception as error:
        record_failure(error)
    result = method(argument)
    try:
        _put_back(loader, result)
        if name == PACKAGE and not is_decided():
            # Too early in wrapt's hook: without metadata, the version is known when
            # the package has run, and a newer release may not be usable before.
            _patch_if_loaded(package_loaded=True)
        elif name == GRAPH and not _registered:
            # wrapt has not seen this import: the module is reloaded, or imported
            # again without its package.
            patch_if_affected(sys.modules[GRAPH])
    except Exception as error:
        record_failure(error)
    return result


def _put_back(loader: Any, module: Any) -> None:
    """Give *module* its own loader back, if it has *loader*."""
    with suppress(Exception):  # it may not let its attributes be set
        own, spec = loader._loader, getattr(module, "__spec__", None)
        for owner, name in ((module, "__loader__"), (spec, "loader")):
            if getattr(owner, name, None) is loader:
                setattr(owner, name, own)


def _register_hook() -> None:
    """Register the hook with wrapt, unless it is registered."""
    global _registered
    if _registered or GRAPH in sys.modules:
        return
    import wrapt

    has_gil: bool = getattr(sys, "_is_gil_enabled", lambda: True)()
    version: str = getattr(wrapt, "__version__", "0.0")
    if not has_gil and tuple(map(int, version.split(".")[:2])) < (2, 4):
        _log.warn_once("without the GIL, ididi-scopefix needs wrapt 2.4: upgrade it")
    wrapt.register_post_import_hook(_hook, GRAPH)
    _registered = True


def _hook(module: ModuleType) -> None:
    """Patch ``ididi.graph``, whose code has run."""
    global _registered
    try:
        _registered = False
        patch_if_affected(module)
    except Exception as error:
        record_failure(error, module)


def _patch_if_loaded(package_loaded: bool = False) -> None:
    """Patch the ``ididi.graph`` that is in ``sys.modules``, if its code has run."""
    module = sys.modules.get(GRAPH)
    if module is not None and not is_initializing(GRAPH):
        patch_if_affected(module, package_loaded)


def start() -> None:
    """Wait for ididi, and patch it now if it is imported already."""
    global deactivated
    with lock:
        deactivated = False
        if not is_armed():
            sys.meta_path.insert(0, _finder)
    for name in (PACKAGE, GRAPH):
        if is_initializing(name):
            # Another thread is importing it: wait until it has, with no lock of
            # ours held. In the importing thread itself this does nothing.
            with suppress(Exception):  # that thread reports it
                importlib.import_module(name)
    _patch_if_loaded()


def stop() -> None:
    """Put back everything that was replaced, and stop waiting for ididi."""
    global deactivated, decision
    with lock:
        deactivated, decision = True, None
        for patch in list(patches):
            patch.remove()
    # The list is edited, since a program may hold it. A thread that goes through it
    # now would skip the finder behind ours, so wait for it.
    for _ in range(1000):
        with suppress(SystemError):  # PyPy may fail to read a running thread's frames
            if not _others_are_finding():
                break
        time.sleep(0.001)
    with lock:
        for index in reversed(range(len(sys.meta_path))):
            if deactivated and sys.meta_path[index] is _finder:
                del sys.meta_path[index]


def _others_are_finding() -> bool:
    """Tell whether another thread is asking the finders for a module."""
    return any(
        code.co_name == "_find_spec" and "importlib" in code.co_filename
        for thread, top in sys._current_frames().items()
        if thread != get_ident()
        for code in (frame.f_code for frame, _ in walk_stack(top))
    )


def is_armed() -> bool:
    """Tell whether the finder is on ``sys.meta_path``."""
    # Not with "in": it would ask the other finders whether they are equal.
    return any(entry is _finder for entry in sys.meta_path)


def patch_if_affected(module: ModuleType, package_loaded: bool = False) -> None:
    """Patch *module*, an ``ididi.graph``, if it is to be patched. Never raises.

    *package_loaded* is whether the code of ``ididi/__init__.py`` has run.
    """
    try:
        if deactivated or _is_off():
            return
        if (sentence := unknown_switch()) is not None:
            _log.warn_once(sentence)
        _decide(module, package_loaded or not is_initializing(PACKAGE))
    except Exception as error:
        record_failure(error, module)


def _decide(module: ModuleType, package_loaded: bool) -> None:
    patch = patch_of(module)
    if patch is not None and patch.active:
        return
    # Both requirements, even if this ididi can do without one of them: an
    # installation that lacks one is to be repaired, and says so.
    for requirement in _releases.REQUIREMENTS:
        __import__(requirement)  # import_module() takes a lock on Python 3.9
    version = _releases.version_of(module)
    try:
        reason = _releases.reason_to_leave_alone(version)
        if reason is None:
            # Here and not above: a release outside the range does not load it.
            from ididi_scopefix import _probe

            known = patch is not None or _releases.is_verified(version)
            if known or _probe.still_raises(_seeding.names_of(module)):
                _install(patch or _patch_for(module), module, version)
                return
            reason = f"ididi {version} answers in every context by itself."
        record("inactive", reason, module)
    except Exception:
        if package_loaded:
            raise
        # It may need the rest of the package, and is tried again when that is there.


def _patch_for(module: ModuleType) -> Patch:
    """Return a patch for *module*, not in force yet, or raise ``AttributeError``."""
    # Here and not above: the import of ididi does not wait for the other way.
    from ididi_scopefix._probe import is_mutable

    if is_mutable(module.Resolver):
        from ididi_scopefix._patch_methods import MethodsPatch

        return MethodsPatch(module)
    from ididi_scopefix._patch_contextvar import ContextVarPatch

    return ContextVarPatch(module)


def _install(patch: Patch, module: ModuleType, version: "Optional[str]") -> None:
    global decision
    with lock:
        # Another thread may have come first, with either.
        if deactivated or patch.active or patch_of(module) not in (None, patch):
            return
        # Added first, so that deactivate() finds a patch that is half made.
        patches.add(patch)
        patch.install()
        decision, patch.version = None, version
    _log.decided("active", "", version)


def record_failure(error: Exception, module: "Optional[ModuleType]" = None) -> None:
    """Record that *error* made it impossible to patch ididi, and warn once."""
    missing = getattr(error, "name", None)
    if isinstance(error, ModuleNotFoundError) and missing in _releases.REQUIREMENTS:
        reason, cause = f"{missing} is missing: pip install ididi-scopefix", None
    elif isinstance(error, _releases.UnknownReleaseError):
        reason, cause = str(error), None
    else:
        reason, cause = f"{type(error).__name__}: {error}", error
    reason = f"{reason}; ididi is as it was."
    _log.warn_once(f"ididi-scopefix is not active: {reason}", cause)
    record("failed", reason, module)


def record(state: State, reason: str, module: "Optional[ModuleType]") -> None:
    """Record why ididi is not patched."""
    global decision
    version = None if module is None else _releases.version_of(module)
    with lock:
        decision = (state, reason, version, None if module is None else ref(module))
    _log.decided(state, reason, version)


def unknown_switch() -> "Optional[str]":
    """Return a sentence about the switch if its value is unknown."""
    value = os.environ.get(_SWITCH, "")
    known = ("", "1", "true", "on", "yes", "verbose")
    if _is_off() or value.strip().lower() in known:
        return None
    return f"{_SWITCH}={value!r} is unknown, so the shim is on; 0 switches it off."


def is_decided() -> bool:
    """Tell whether the present ``ididi.graph`` is patched, or is not for a reason."""
    module = sys.modules.get(GRAPH)
    patch = patch_of(module)
    return decision_about(module) is not None or (patch is not None and patch.active)


def decision_about(module: "Optional[ModuleType]") -> "Optional[Decision]":
    """Return why *module* is not patched, if that was decided."""
    about = None if decision is None else decision[3]
    return decision if about is None or about() is module else None


def patch_of(module: "Optional[ModuleType]") -> "Optional[Patch]":
    """Return the patch that was made of *module* as it is now, if any."""
    with lock:
        return next((patch for patch in patches if patch.is_of(module)), None)


def is_initializing(name: str) -> bool:
    """Tell whether the code of the module *name* is running in some thread."""
    with suppress(AttributeError):
        # A module that is loaded lazily loads if its attributes are looked up.
        spec = object.__getattribute__(sys.modules.get(name), "__spec__")
        return bool(spec._initializing)
    return False

"""From an import of ididi to its patch, and what was decided about it.

The way of an ordinary ``import ididi``, each step for one reason:

1. ``_Finder`` in ``__init__`` waits on ``sys.meta_path``, since it must not cost
   anything before ididi is imported. It may import nothing.
2. Its ``_Loader`` calls :func:`load`, the first moment at which importing is safe.
   It registers the hook, before the code of ididi has imported ``ididi.graph``.
3. wrapt calls the hook when the code of ``ididi.graph`` has run.
4. :func:`patch_if_affected` decides, by the version, and patches.
"""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
from _thread import get_ident
from types import FrameType, ModuleType
from typing import TYPE_CHECKING, Any, Callable, Optional
from weakref import WeakSet, ref

from ididi_scopefix import _SWITCH, _finder, _is_off, _log, _releases

if TYPE_CHECKING:
    from ididi_scopefix._api import State
    from ididi_scopefix._patch import Patch
else:
    State, Patch = str, Any

PACKAGE, GRAPH = "ididi", "ididi.graph"


class Decision:
    """Why ididi is not patched.

    Attributes:
        state: the state that follows.
        reason: one sentence.
        version: the version of ididi, if it is known.
        module: the ``ididi.graph`` in question, weakly; ``None`` if it was not
            reached.
    """

    def __init__(
        self,
        state: State,
        reason: str,
        version: Optional[str],
        module: Optional[ModuleType],
    ) -> None:
        self.state: State = state
        self.reason = reason
        self.version = version
        self.module = None if module is None else ref(module)


# One lock for the three below. Nothing is imported while it is held: the hook
# takes it in a thread that holds the import locks of ididi.
lock = threading.RLock()
deactivated = False
decision: Optional[Decision] = None
# Weak: what a patch has put into a module refers to the patch, and a module
# that was imported anew is collected with its patch.
patches: WeakSet[Patch] = WeakSet()

# Whether wrapt has a hook of ours. It forgets a hook that it has called.
_registered = False
_warned: set[str] = set()


def _renew_lock() -> None:
    global lock
    lock = threading.RLock()


# A child that is forked while another thread holds the lock would wait for it
# for ever, in its first import of ididi.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


def load(loader: Any, method: Callable[[Any], Any], argument: Any) -> Any:
    """Run *method*, which loads a module, and do what is to be done around it.

    Args:
        loader: the ``_Loader`` that stands in for the module's own loader.
        method: that one's ``exec_module`` or ``load_module``.
        argument: what *method* takes: the module, or its name.
    """
    name: str = argument if isinstance(argument, str) else argument.__name__
    if name == PACKAGE:
        _register_hook()
    _put_back(loader, argument)
    result = method(argument)
    _put_back(loader, result)
    if name == PACKAGE:
        _package_loaded()
    elif name != GRAPH:
        _imported_past_the_finder()
    elif not _registered:
        # wrapt calls the hook after an ordinary import. It has not seen this one:
        # the module is reloaded, or imported again without its package.
        patch_if_affected(sys.modules[GRAPH])
    return result


def _put_back(loader: Any, module: Any) -> None:
    """Give *module* its own loader back, if it has *loader*."""
    own, spec = loader._loader, getattr(module, "__spec__", None)
    try:
        for owner, name in ((module, "__loader__"), (spec, "loader")):
            if getattr(owner, name, None) is loader:
                setattr(owner, name, own)
    except Exception:
        pass  # it is no module, or doesn't let its attributes be set


def _register_hook() -> None:
    """Register the hook with wrapt, unless it is registered. Never raises."""
    global _registered
    if _registered or GRAPH in sys.modules:
        return
    try:
        import wrapt

        _registered = True
        wrapt.register_post_import_hook(_hook, GRAPH)
    except Exception as error:
        _registered = False
        record_failure("wrapt has not taken the hook", error)


def _hook(module: ModuleType) -> None:
    """Patch ``ididi.graph``, whose code has run."""
    global _registered
    _registered = False
    patch_if_affected(module)


def _package_loaded() -> None:
    """Do what waits for the end of ``ididi/__init__.py``. Never raises.

    A release that is newer than the table has to be probed, and one without
    metadata binds its version there. Both need the whole package.
    """
    module = sys.modules.get(GRAPH)
    if module is not None and decision_about(module) is None:
        patch_if_affected(module, package_loaded=True)


def _imported_past_the_finder() -> None:
    """Patch the ididi that a library's import hook has loaded by itself.

    This is called when a module has been imported after ididi.
    """
    module = sys.modules.get(GRAPH)
    if module is not None and not is_initializing(GRAPH):
        patch_if_affected(module)
    undecided = decision_about(module) is None and patch_of(module) is None
    _finder.waiting = undecided and is_initializing(PACKAGE)


def start() -> None:
    """Wait for ididi, and patch it now if it is imported already."""
    global deactivated
    with lock:
        deactivated = False
        if not is_armed():
            sys.meta_path.insert(0, _finder)
    if GRAPH not in sys.modules:
        return
    for name in (PACKAGE, GRAPH):
        if is_initializing(name):
            # Another thread is importing it: wait until it has, with no lock
            # of ours held. In the importing thread itself this does nothing.
            try:
                importlib.import_module(name)
            except Exception:
                pass  # that thread reports it
    module = sys.modules.get(GRAPH)
    if module is not None and not is_initializing(GRAPH):
        patch_if_affected(module)


def stop() -> None:
    """Put back everything that was replaced, and wait for ididi no longer."""
    global deactivated, decision
    with lock:
        deactivated = True
        decision = None
        for patch in list(patches):
            patch.remove()
    # In place: a program may hold the list. Python walks it by index, so that a
    # thread which is in the middle of it would skip the finder behind ours.
    for _ in range(1000):
        if not _others_are_finding():
            break
        time.sleep(0.001)
    with lock:
        if deactivated:
            for index in reversed(range(len(sys.meta_path))):
                if sys.meta_path[index] is _finder:
                    del sys.meta_path[index]


def _others_are_finding() -> bool:
    """Tell whether another thread is asking the finders for a module."""
    for thread, frame in sys._current_frames().items():
        found: Optional[FrameType] = None if thread == get_ident() else frame
        while found is not None:
            code = found.f_code
            if code.co_name == "_find_spec" and "importlib" in code.co_filename:
                return True
            found = found.f_back
    return False


def is_armed() -> bool:
    """Tell whether the finder is on ``sys.meta_path``."""
    # Not with "in": it would ask the other finders whether they are equal.
    return any(entry is _finder for entry in sys.meta_path)


def patch_if_affected(module: ModuleType, package_loaded: bool = False) -> None:
    """Patch *module* if it is to be patched. Never raises.

    Args:
        module: ``ididi.graph``, whose code has run.
        package_loaded: whether the code of the whole package has run, too.
    """
    try:
        if not deactivated and not _is_off():
            _warn_of_unknown_switch()
            _decide(module, package_loaded or not is_initializing(PACKAGE))
    except Exception as error:
        record_failure("could not patch ididi", error, module)


def _decide(module: ModuleType, package_loaded: bool) -> None:
    """Find out whether *module* is affected, and patch it if so."""
    global decision
    with lock:
        patch = patch_of(module)
        if patch is not None and patch.active:
            return
    # Both requirements, even if this ididi can do without one of them: an
    # installation that lacks one is to be repaired, and says so.
    for requirement in _releases.REQUIREMENTS:
        importlib.import_module(requirement)
    # Here and not above: a process that has ididi without the bug, or has the
    # shim switched off, does not load what patches.
    from ididi_scopefix._patch import patch_for
    from ididi_scopefix._probe import still_raises
    from ididi_scopefix._seeding import names_of

    version = _releases.version_of(module)
    if version is None:
        if package_loaded:
            reason = (
                "the version of ididi is unknown, since its metadata are missing;"
                " ididi is as it was: reinstall it."
            )
            record("failed", reason, None, module)
        return
    try:
        affected = _releases.is_affected(version)
        verified = _releases.is_verified(version)
    except ValueError:
        reason = (
            f"{version!r} is no version of PEP 440; ididi is as it was: reinstall it."
        )
        record("failed", reason, version, module)
        return
    if not affected:
        reason = _releases.reason_to_leave_alone(version)
        record("inactive", reason, version, module)
        return
    if not verified and patch is None:
        if not package_loaded:
            return
        if not still_raises(names_of(module)):
            reason = f"ididi {version} answers in every context by itself."
            record("inactive", reason, version, module)
            return
    if patch is None:
        patch = patch_for(module)
    with lock:
        # Another thread may have come first, with either.
        if deactivated or patch_of(module) not in (None, patch):
            return
        # Known before it is in force: deactivate() finds what there is.
        patches.add(patch)
        if patch.active:
            return
        patch.install()
        decision, patch.version = None, version
    # Without the lock: a handler of the program may ask for the status.
    _log.info("ididi %s is patched (pid %d)", version, os.getpid())
    _say("active", "", version)


def record_failure(
    what: str, error: Exception, module: Optional[ModuleType] = None
) -> None:
    """Record that *error* made it impossible to patch ididi, and warn once."""
    missing = getattr(error, "name", None)
    if isinstance(error, ModuleNotFoundError) and missing in _releases.REQUIREMENTS:
        reason = (
            f"{missing} is missing, and ididi is as it was:"
            " pip install ididi-scopefix installs it."
        )
    else:
        reason = f"{what}: {type(error).__name__}: {error}; ididi is as it was."
    version = None if module is None else version_of(module)
    record("failed", reason, version, module, error)


def record(
    state: State,
    reason: str,
    version: Optional[str],
    module: Optional[ModuleType],
    error: Optional[Exception] = None,
) -> None:
    """Record why ididi is not patched, and warn if that is a failure."""
    global decision
    with lock:
        decision = Decision(state, reason, version, module)
    if state == "failed":
        warn_once(f"ididi-scopefix is not active: {reason}", error)
    _say(state, reason, version)


def _say(state: State, reason: str, version: Optional[str]) -> None:
    if is_verbose():
        from ididi_scopefix import _callers

        _callers.decided(state, reason, version)


def warn_once(message: str, error: Optional[Exception] = None) -> None:
    """Log a warning, unless this process has done so already."""
    if message not in _warned:
        _warned.add(message)
        _log.warn("%s", message, error=error)


def is_verbose() -> bool:
    """Tell whether the environment wants the shim to say what it does."""
    return _switch() == "verbose"


def unknown_switch() -> Optional[str]:
    """Return a sentence about the switch if its value means nothing."""
    known = ("", "1", "true", "on", "yes", "verbose", "0", "false", "off", "no")
    if _switch() in known:
        return None
    return (
        f"{_SWITCH}={os.environ[_SWITCH]!r} is not a known value, and the shim is on:"
        " 0 switches it off, verbose has it say what it does."
    )


def _switch() -> str:
    return os.environ.get(_SWITCH, "").strip().lower()


def _warn_of_unknown_switch() -> None:
    sentence = unknown_switch()
    if sentence is not None:
        warn_once(sentence)


def decision_about(module: Optional[ModuleType]) -> Optional[Decision]:
    """Return why *module* is not patched, if that was decided."""
    if decision is None or decision.module is None or decision.module() is module:
        return decision
    return None


def patch_of(module: Optional[ModuleType]) -> Optional[Patch]:
    """Return the patch that was made of *module* as it is now, if there is one."""
    return next((patch for patch in patches if patch.is_of(module)), None)


def version_of(module: ModuleType) -> Optional[str]:
    """Return the version of *module*'s ididi, ``None`` if it can't be read."""
    try:
        return _releases.version_of(module)
    except Exception:
        return None  # a finder of distributions has raised


def is_initializing(name: str) -> bool:
    """Tell whether the code of the module *name* is running in some thread."""
    spec = getattr(sys.modules.get(name), "__spec__", None)
    return bool(getattr(spec, "_initializing", False))

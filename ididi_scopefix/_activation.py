"""From the import of ididi to its patch, and why it is not patched.

The finder in ``__init__`` hooks the loader of ``ididi.graph``. That calls
:func:`prepare`, which imports what is needed later, and :func:`loaded` when the
module's code has run. This one registers wrapt's post-import hook, which wrapt calls
at once, since the module is there. So wrapt's own finder is never asked for it: that
one calls ``find_spec`` while Python holds the lock of all imports.
"""

import importlib
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any, Callable, NamedTuple, Optional
from weakref import ref

from ididi_scopefix import _SWITCH, _finder, _is_off, _log, _releases
from ididi_scopefix._variable import NAME, ScopeVariable, is_replacement

if TYPE_CHECKING:
    from ididi_scopefix._api import State
else:
    State = str

PACKAGE, GRAPH = "ididi", "ididi.graph"


class Decision(NamedTuple):
    """What was decided about an ``ididi.graph``, and why.

    Attributes:
        state: ``"active"``, ``"inactive"`` or ``"failed"``.
        reason: a sentence.
        version: the version of ididi, if it is known.
        module: leads to the module; ``None`` before there is one.
    """

    state: State
    reason: str
    version: Optional[str]
    module: Optional[ref[ModuleType]]


_decision: Optional[Decision] = None
_variable: Optional[ScopeVariable] = None  # the last one that was bound
_register: "Optional[Callable[[Callable[[ModuleType], None], str], None]]" = None


def prepare(spec: Any) -> None:
    """Import what patching the ididi of *spec* needs, before its code runs."""
    global _register
    if _is_off():
        return
    try:
        if _register is None:
            from wrapt import register_post_import_hook

            _register = register_post_import_hook
        # This imports packaging, where the table does not have the release. What it
        # answers is asked again when there is something to patch.
        _releases.reason_to_leave_alone(_releases.version_beside(spec.origin))
    except (Exception, SystemExit) as error:
        if not _releases.is_ours(error):
            raise
        _fail(_reason_of_import(error), error, None, None)


def loaded(module: ModuleType) -> None:
    """Have wrapt call the hook for *module*, an ``ididi.graph`` whose code has run."""
    if not _finder.switch.on or _is_off() or _names_in(module) is None:
        return
    if (sentence := unknown_switch()) is not None:
        _log.warn(sentence)
    if _register is None:
        prepare(module.__spec__)  # ididi was imported past the finder
    if _register is not None:
        if sys.modules.get(GRAPH) is module:
            _register(patch_if_affected, GRAPH)
        else:
            patch_if_affected(module)  # the program has loaded it by hand


def patch_if_affected(module: ModuleType) -> None:
    """Patch *module*, an ``ididi.graph``, if it is to be patched."""
    names = _names_in(module)
    if names is None or is_replacement(names.get(NAME)):
        return
    version = None
    try:
        version = _releases.version_of(module)
        if version is None and NAME not in names:
            return  # a stand-in for ididi
        reason = _releases.reason_to_leave_alone(version)
        if reason is None:
            if _releases.is_verified(version) or _helps(module):
                _bind(module)
                _decide("active", "", version, module)
                return
            reason = f"ididi {version} answers in every context by itself."
        _decide("inactive", reason, version, module)
    except (Exception, SystemExit) as error:
        if not _releases.is_ours(error):
            raise
        _fail(_reason_of_release(error, version), error, module, version)


def _helps(module: ModuleType) -> bool:
    """Tell whether an ididi that nobody has tried is affected, and the patch helps.

    Raises:
        UnknownReleaseError: it is affected, and the patch does not help.
    """
    if not _releases.still_raises(module):
        return False
    original, graphs = _variable_of(module), _releases.build_graphs(module)
    on_trial = ScopeVariable(
        original, module, _finder.switch, lambda asking, frame: None
    )
    setattr(module, NAME, on_trial)
    try:
        _releases.prove(module, graphs)
    finally:
        setattr(module, NAME, original)
    return True


def _bind(module: ModuleType) -> None:
    """Bind the name of ididi's variable to a replacement."""
    global _variable
    original, variable = _variable_of(module), _variable
    # The same one again after deactivate(): it knows the graphs.
    if variable is None or variable.original is not original:
        switch, answered = _finder.switch, _log.answered
        _variable = variable = ScopeVariable(original, module, switch, answered)
    variable.learn_from_context()
    setattr(module, NAME, variable)


def _variable_of(module: ModuleType) -> Any:
    """Return ididi's variable, which another thread may have replaced."""
    variable: Any = vars(module)[NAME]
    return variable.original if is_replacement(variable) else variable


def default_scope_of(graph: Any, module: ModuleType) -> Any:
    """Return the default scope of *graph* while *module* is not patched."""
    original, answered = _variable_of(module), _log.answered
    variable = ScopeVariable(original, module, _finder.switch, answered)
    variable.learn_from_context()
    return variable.default_scope_of(graph)


def start() -> None:
    """Patch ididi if it is imported, and else wait for it."""
    _finder.switch.on = True
    _finder.wait()
    if is_initializing(GRAPH):
        try:
            importlib.import_module(GRAPH)  # waits for the thread that imports it
        except Exception as error:
            if not _releases.is_ours(error):
                raise
            # Why it can't be imported is for that thread to say.
    if GRAPH in sys.modules and not is_initializing(GRAPH):
        loaded(sys.modules[GRAPH])


def stop() -> None:
    """Bind the name to ididi's variable again. No replacement answers any more."""
    global _decision
    _finder.switch.on, _decision = False, None
    module = sys.modules.get(GRAPH)
    names = _names_in(module) or {}
    variable: Any = names.get(NAME)
    if is_replacement(variable):
        names[NAME] = variable.original


def decision_about(module: "Optional[ModuleType]") -> "Optional[Decision]":
    """Return what was decided about *module*, if anything was."""
    about = None if _decision is None else _decision.module
    return _decision if about is None or about() is module else None


def graph_module() -> "Optional[ModuleType]":
    """Return the ``ididi.graph`` of this process, unless a stand-in is there."""
    module = sys.modules.get(GRAPH)
    names = _names_in(module)
    is_known = _decision is not None and decision_about(module) is _decision
    return module if names is not None and (NAME in names or is_known) else None


def is_patched(module: ModuleType) -> bool:
    """Tell whether the name in *module* is bound to a replacement."""
    return is_replacement(vars(module).get(NAME))


def is_initializing(name: str) -> bool:
    """Tell whether the code of the module *name* is running in some thread."""
    try:
        # A module that is loaded lazily loads if its attributes are looked up.
        spec = object.__getattribute__(sys.modules.get(name), "__spec__")
        return bool(spec._initializing)
    except AttributeError:
        return False


def unknown_switch() -> "Optional[str]":
    """Return a sentence about the switch if its value is unknown."""
    value = os.environ.get(_SWITCH, "")
    known = ("", "1", "true", "on", "yes", "verbose")
    if _is_off() or value.strip().lower() in known:
        return None
    return f"{_SWITCH}={value!r} is unknown, so the shim is on; 0 switches it off."


def _names_in(module: object) -> "Optional[dict[str, Any]]":
    """Return the names in *module*, or ``None`` if it can't be an ``ididi.graph``."""
    if not issubclass(type(module), ModuleType):
        return None
    # Past a module that is loaded lazily, and one that makes up its attributes.
    names: dict[str, Any] = object.__getattribute__(module, "__dict__")
    is_imported = names.get("__spec__") is not None
    return names if is_imported and isinstance(names.get("Graph"), type) else None


def _decide(
    state: State, reason: str, version: "Optional[str]", module: "Optional[ModuleType]"
) -> None:
    """Record what was decided about *module*, and say so in verbose mode."""
    global _decision
    about = None if module is None else ref(module)
    _decision = Decision(state, reason, version, about)
    _log.decided(state, reason, version)


def _fail(
    reason: str,
    error: BaseException,
    module: "Optional[ModuleType]",
    version: "Optional[str]",
) -> None:
    """Record that *error* made it impossible to patch ididi, and warn of it."""
    reason = f"{' '.join(reason.split())}; ididi is as it was."
    _decide("failed", reason, version, module)
    _log.warn(f"ididi-scopefix is not active: {reason}", error)


def _reason_of_import(error: BaseException) -> str:
    """Return a sentence about an *error* of importing what the patch needs."""
    missing = getattr(error, "name", None)
    if isinstance(error, ModuleNotFoundError) and missing in _releases.REQUIREMENTS:
        return f"{missing} is missing: python -m pip install {missing}"
    if isinstance(error, _releases.UnknownReleaseError):
        return str(error)
    names = " or ".join(_releases.REQUIREMENTS)
    cure = "reinstall ididi-scopefix, and see that no file of the program has its name"
    return f"{names} can't be imported ({_described(error)}): {cure}"


def _reason_of_release(error: BaseException, version: "Optional[str]") -> str:
    """Return a sentence about an *error* of patching the ididi of *version*."""
    if isinstance(error, (_releases.UnknownReleaseError, ModuleNotFoundError)):
        return _reason_of_import(error)
    cure = f"upgrade ididi-scopefix, or pin ididi=={_releases.VERIFIED[-1]}"
    return f"ididi {version} has other internals ({_described(error)}): {cure}"


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")

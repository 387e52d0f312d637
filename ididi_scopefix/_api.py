"""What a program can call, and the :class:`Status` that it gets."""

import os
from contextvars import Context
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Optional

from ididi_scopefix import _SWITCH, _finder, _is_off

if TYPE_CHECKING:
    from ididi.graph import Graph, SyncScope
else:
    Graph = SyncScope = Any  # annotations can be evaluated without ididi

_NOTHING = object()

State = Literal["waiting", "active", "inactive", "disabled", "failed"]


@dataclass(frozen=True)
class Caller:
    """Code that made a scope *call* in a context without a scope, *count* times."""

    call: str
    file: str
    line: int
    function: str
    count: int


@dataclass(frozen=True)
class Status:
    """What the shim does in this process, and why.

    Attributes:
        state: ``"waiting"``: ididi has not been imported yet; ``"active"``: it is
            patched; ``"inactive"``: this ididi needs no patch; ``"disabled"``:
            switched off, by the environment or by :func:`deactivate`;
            ``"failed"``: something went wrong and ididi is as it was.
        ididi_version: the version of ididi, imported or not; ``None`` without one.
        reason: one sentence a person can act on.
        patched: the names of what was replaced, ``()`` if nothing is.
        fallbacks: how many calls the fallback has answered in this process. Without
            the shim each would have raised ``LookupError``; since ididi 1.8.4
            ``scope()`` and ``ascope()`` would have opened a scope without a parent.
        callers: the code that made them; only with ``IDIDI_SCOPEFIX=verbose``.

    ``str()`` of it is all but the callers, in one line.
    """

    state: State
    ididi_version: Optional[str]
    reason: str
    patched: tuple[str, ...] = ()
    fallbacks: int = 0
    callers: tuple[Caller, ...] = ()

    def __str__(self) -> str:
        version = self.ididi_version or "none"
        text = f"ididi-scopefix {self.state} (ididi {version}): {self.reason}"
        if self.patched:
            text += f" Patched: {', '.join(self.patched)}."
        if self.fallbacks:
            text += f" Calls answered: {self.fallbacks}."
        return text


def activate() -> Status:
    """Patch ididi, now if it is imported and else as soon as it is.

    Does nothing if the environment variable ``IDIDI_SCOPEFIX`` switches the shim off.

    Returns:
        The status afterwards, which says why ididi could not be patched.

    Raises:
        Nothing.

    Example:
        >>> import ididi, ididi_scopefix
        >>> ididi_scopefix.activate().state
        'active'
    """
    if not _is_off():
        _runtime().start()
    return status()


def deactivate() -> Status:
    """Bind the name to ididi's own variable again, and stop waiting for ididi.

    It takes effect at once, in every thread. Scopes that are open still close. A
    graph keeps its default scope, and has it again after :func:`activate`.

    Returns:
        The status afterwards.

    Raises:
        Nothing.

    Example:
        >>> import ididi, ididi_scopefix
        >>> ididi_scopefix.deactivate().state, ididi_scopefix.activate().state
        ('disabled', 'active')
    """
    _runtime().stop()
    return status()


def status() -> Status:
    """Tell what the shim does in this process, and why. Imports nothing of ididi.

    Returns:
        The status now.

    Raises:
        Nothing.

    Example:
        >>> import ididi, ididi_scopefix
        >>> ididi_scopefix.status().state
        'active'
    """
    runtime = _runtime()
    module = runtime.graph_module()
    decision = runtime.decision_about(module)
    is_active = module is not None and _finder.switch.on and runtime.is_patched(module)
    if is_active:
        state: State = "active"
        reason = "every scope call works in every context."
    else:
        state, reason = _inactivity(module, decision)
    if decision is not None and decision.version is not None:
        version = decision.version
    else:
        version = runtime._releases.version_of(module)
    if state == "waiting" and module is None and version is None:
        reason = "ididi is not installed here, or not on sys.path yet."
    if (switch := runtime.unknown_switch()) is not None:
        reason = f"{reason} {switch}"
    names = (f"{runtime.GRAPH}.{runtime.NAME}",) if is_active else ()
    log = runtime._log
    callers = tuple(Caller(**each._asdict(), count=n) for each, n in log.callers())
    return Status(state, version, reason, names, log.fallbacks(), callers)


def seed(graph: Graph) -> SyncScope:
    """Set the default scope of *graph* in the current context, for good.

    A context that has a scope is left alone. While the shim is not active no context
    is changed.

    Args:
        graph: the :class:`ididi.Graph` whose scopes will be opened here.

    Returns:
        The graph's default scope, the same for each call.

    Raises:
        TypeError: *graph* is not a graph.
        RuntimeError: this ididi has no default scopes (1.4.3 and older).

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> import ididi, ididi_scopefix
        >>> graph = ididi.Graph()
        >>> pool = ThreadPoolExecutor(1, "job", ididi_scopefix.seed, (graph,))
        >>> pool.submit(graph.use_scope).result() is ididi_scopefix.seed(graph)
        True
        >>> pool.shutdown()
    """
    runtime = _runtime()
    module = runtime.graph_module()
    if module is None or not isinstance(graph, module.Graph):
        wanted = "seed() takes the ididi.Graph to seed this context for"
        raise TypeError(f"{wanted}, not {type(graph).__name__!r}")
    scope: SyncScope
    # Looked up once: another thread may deactivate meanwhile.
    variable: Any = getattr(module, runtime.NAME, None)
    if _finder.switch.on and runtime.is_replacement(variable):
        scope = variable.default_scope_of(graph)
        if variable.get(_NOTHING) is _NOTHING:
            variable.set(scope)
        return scope
    default = getattr(module, "DefaultScopeName", None)
    if default is not None:
        try:
            # Where ididi has no bug, the graph knows its default scope.
            scope = Context().run(graph.use_scope, default)
            return scope
        except LookupError:
            if hasattr(module, runtime.NAME):
                scope = runtime.default_scope_of(graph, module)
                return scope
    raise RuntimeError(f"this graph has no default scope: {status().reason}")


def _runtime() -> Any:
    """Return the module that patches ididi in this process."""
    return _finder.import_runtime()


def _inactivity(module: "Optional[ModuleType]", decision: Any) -> tuple[State, str]:
    """Return the state while no patch is in force, and its reason."""
    if not _finder.switch.on:
        return "disabled", "deactivate() was called; activate() undoes it."
    if _is_off():
        value = os.environ.get(_SWITCH, "")
        sentence = f"{_SWITCH}={value} switches it off: unset it and restart."
        return "disabled", sentence
    if decision is not None and decision.state != "active":
        return decision.state, decision.reason
    runtime = _runtime()
    if not _finder.is_waiting():
        return "disabled", "nothing waits for ididi; activate() does."
    if any(map(runtime.is_initializing, (runtime.PACKAGE, runtime.GRAPH))):
        return "waiting", "ididi is being imported."
    if module is not None:
        return "failed", "ididi was imported past the finder; activate() patches it."
    return (
        "waiting",
        "ididi has not been imported yet; if affected, it is patched then.",
    )


for _public in (Caller, Status, activate, deactivate, seed, status):
    _public.__module__ = "ididi_scopefix"

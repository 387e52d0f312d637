"""What a program can call, and the :class:`Status` that it gets."""

import sys
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Literal, Optional

from ididi_scopefix import _SWITCH, _activation, _is_off, _log, _releases, _seeding
from ididi_scopefix._seeding import Graph, SyncScope

State = Literal["waiting", "active", "inactive", "disabled", "failed"]


@dataclass(frozen=True)
class Caller:
    """Code that made a scope *call* in *count* contexts without a scope."""

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
        seeded: how many contexts this process has seeded. In each of them
            ``use_scope()`` and ``merge()`` would have raised ``LookupError``, and
            before ididi 1.8.4 ``scope()`` and ``ascope()``.
        callers: the code that needed them; only with ``IDIDI_SCOPEFIX=verbose``.

    ``str()`` of it is all but the callers, in one line.
    """

    state: State
    ididi_version: Optional[str]
    reason: str
    patched: tuple[str, ...] = ()
    seeded: int = 0
    callers: tuple[Caller, ...] = ()

    def __str__(self) -> str:
        version = self.ididi_version or "none"
        text = f"ididi-scopefix {self.state} (ididi {version}): {self.reason}"
        if self.patched:
            text += f" Patched: {', '.join(self.patched)}."
        if self.seeded:
            text += f" Contexts seeded: {self.seeded}."
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
        _activation.start()
    return status()


def deactivate() -> Status:
    """Put back everything that was replaced, and stop waiting for ididi.

    Scopes that are open still close. Where another library has wrapped a
    replacement, its wrapper stays, and the replacement passes every call on.

    Returns:
        The status afterwards.

    Raises:
        Nothing.

    Example:
        >>> import ididi, ididi_scopefix
        >>> ididi_scopefix.deactivate().state, ididi_scopefix.activate().state
        ('disabled', 'active')
    """
    _activation.stop()
    return status()


def status() -> Status:
    """Tell what the shim does in this process, and why. Imports nothing.

    Returns:
        The status now.

    Raises:
        Nothing.

    Example:
        >>> import ididi, ididi_scopefix
        >>> ididi_scopefix.status().state
        'active'
    """
    module = sys.modules.get(_activation.GRAPH)
    with _activation.lock:
        patch = _activation.patch_of(module)
        decision = _activation.decision_about(module)
    names: tuple[str, ...] = ()
    if patch is not None and patch.active:
        state: State = "active"
        version, reason = patch.version, "every scope call works in every context."
        names = tuple(attribute.full_name for attribute in patch.replaced)
    else:
        version = (decision and decision[2]) or _releases.version_of(module)
        state, reason = _inactivity(module, version, decision)
    if (switch := _activation.unknown_switch()) is not None:
        reason = f"{reason} {switch}"
    seeded = _seeding.counted(_seeding.tally.steps)
    callers = tuple(Caller(*caller, count=n) for caller, n in _log.callers())
    return Status(state, version, reason, names, seeded, callers)


def seed(graph: Graph) -> SyncScope:
    """Seed the current context for *graph* explicitly.

    A context that has a scope which somebody opened is left alone. While the shim
    is not active no context is changed.

    Args:
        graph: the :class:`ididi.Graph` whose scopes will be opened here.

    Returns:
        The graph's default scope, the same for each call.

    Raises:
        TypeError: *graph* is not a graph.
        RuntimeError: this ididi has no default scopes (1.4.2 and older).

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> import ididi, ididi_scopefix
        >>> graph = ididi.Graph()
        >>> pool = ThreadPoolExecutor(1, "job", ididi_scopefix.seed, (graph,))
        >>> pool.submit(graph.use_scope).result() is ididi_scopefix.seed(graph)
        True
        >>> pool.shutdown()
    """
    with _activation.lock:
        patches = list(_activation.patches)
    for patch in patches:
        if patch.active and isinstance(graph, patch.names.Graph):
            return patch.seed(graph)
    module = sys.modules.get(_activation.GRAPH)
    if module is None or not isinstance(graph, module.Graph):
        wanted = "seed() takes the ididi.Graph to seed this context for"
        raise TypeError(f"{wanted}, not {type(graph).__name__!r}")
    try:
        names, default = _seeding.names_of(module), module.DefaultScopeName
        if _seeding.stored_seed(graph, names) is None:
            scope = _seeding.root_of(module._SCOPE_CONTEXT.get(None), names)
            if scope is not None and scope._type_registry is graph._type_registry:
                _seeding.store(scope, graph)
            else:
                # Where ididi has no bug, the graph knows its default scope.
                with suppress(Exception):
                    found: SyncScope = Context().run(graph.use_scope, default)
                    return found
        return _seeding.seed_of(graph, names).scope
    except Exception as error:
        reason = f"this graph has no default scope: {status().reason}"
        raise RuntimeError(reason) from error


def _inactivity(module: Any, version: Any, decision: Any) -> tuple[State, str]:
    """Return the state while no patch is in force, and its reason."""
    if _activation.deactivated:
        return "disabled", "deactivate() was called; activate() undoes it."
    if _is_off():
        return "disabled", f"{_SWITCH} is off in the environment; unset it."
    if decision is not None:
        return decision[0], decision[1]
    if not _activation.is_armed():
        return "disabled", "nothing waits for ididi; activate() does."
    if any(map(_activation.is_initializing, (_activation.PACKAGE, _activation.GRAPH))):
        return "waiting", "ididi is being imported."
    if _activation.patch_of(module) is not None:
        return "waiting", "ididi is being patched again, in another thread."
    if module is not None:
        reason = "ididi was imported past the finder; activate() patches it."
        _log.warn_once(f"ididi-scopefix is not active: {reason}")
        return "failed", reason
    reason = "ididi has not been imported yet; if affected, it is patched then."
    if version is None:
        reason = "ididi is not installed here, or not on sys.path yet."
    return "waiting", reason


for _public in (Caller, Status, activate, deactivate, seed, status):
    _public.__module__ = "ididi_scopefix"

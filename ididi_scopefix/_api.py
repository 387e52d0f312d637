"""What a program can call, and the :class:`Status` that it gets."""

# Not "from __future__ import annotations": the class says it is defined in
# ididi_scopefix, where its annotations could not be evaluated.

import sys
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Optional

from ididi_scopefix import _SWITCH, _activation, _is_off, _releases

if TYPE_CHECKING:
    from ididi.graph import Graph, SyncScope
else:
    Graph = SyncScope = Any

State = Literal["waiting", "active", "inactive", "disabled", "failed"]


@dataclass(frozen=True)
class Caller:
    """Code of the program that opened a scope in a context without one.

    Attributes:
        call: the scope call, such as ``"Graph.ascope()"``.
        file: the file of the code.
        line: the line.
        function: the name of the function.
        count: how many contexts were seeded for it.
    """

    call: str
    file: str
    line: int
    function: str
    count: int


@dataclass(frozen=True)
class Status:
    """What the shim does in this process, and why.

    Attributes:
        state: ``"waiting"``: ididi has not been imported yet; ``"active"``:
            ididi is patched; ``"inactive"``: this ididi needs no patch;
            ``"disabled"``: switched off, by the environment or by
            :func:`deactivate`; ``"failed"``: something went wrong and ididi is
            as it was.
        ididi_version: the version of ididi, known from its metadata before it is
            imported; ``None`` if there is none.
        reason: one sentence a person can act on.
        patched: the names of what was replaced, ``()`` if nothing is.
        seeded: how many contexts without a scope this process has seeded so far.
            In each of them ``use_scope()`` and ``merge()`` would have raised
            ``LookupError``; ``scope()`` and ``ascope()`` too, but on ididi 1.8.4,
            where the scope would have had no parent.
        callers: which code of the program these contexts were seeded for; empty
            unless ``IDIDI_SCOPEFIX`` is ``verbose``.
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

    Does nothing if that is done already, and nothing if the environment
    variable ``IDIDI_SCOPEFIX`` switches the shim off.

    Returns:
        The status afterwards. If ididi could not be patched, it says why.

    Raises:
        Nothing on account of ididi.

    Example:
        >>> import ididi, ididi_scopefix
        >>> ididi_scopefix.activate().state
        'active'
    """
    if not _is_off():
        _activation.start()
    return status()


def deactivate() -> Status:
    """Put back everything that was replaced, and wait for ididi no longer.

    Scopes that are open still close. Where another library has wrapped a
    replacement, its wrapper stays, and the replacement passes every call on.

    Returns:
        The status afterwards.

    Raises:
        Nothing.

    Example:
        >>> import ididi_scopefix
        >>> ididi_scopefix.deactivate().state
        'disabled'
        >>> ididi_scopefix.activate().state
        'active'
    """
    _activation.stop()
    return status()


def status() -> Status:
    """Tell what the shim does in this process, and why.

    Imports neither ididi nor wrapt. Before ididi is imported, its version is
    read from its metadata.

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
    state: State = "active"
    if patch is not None and patch.active:
        version, reason = patch.version, "every scope call works in every context."
        names = tuple(attribute.full_name for attribute in patch.replaced)
    else:
        version = decision.version if decision is not None else None
        version = version or _version(module)
        state, reason = _inactivity(module, version, decision)
    switch = _activation.unknown_switch()
    reason = reason if switch is None else f"{reason} {switch}"
    return Status(state, version, reason, names, _seeded(), _callers())


def seed(graph: Graph) -> SyncScope:
    """Seed the current context for *graph* explicitly.

    For entry points that would rather be explicit, such as the initializer of a
    thread pool. A context that has a scope which somebody opened is left alone.
    While the shim is not active no context is changed.

    Args:
        graph: the :class:`ididi.Graph` whose scopes will be opened here.

    Returns:
        The graph's default scope, the same for each call.

    Raises:
        TypeError: *graph* is not a graph.
        RuntimeError: this ididi has no default scopes (1.4.2 and older).

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> from ididi import Graph
        >>> import ididi_scopefix
        >>> graph = Graph()
        >>> with ThreadPoolExecutor(
        ...     initializer=ididi_scopefix.seed, initargs=(graph,)
        ... ) as pool:
        ...     scope = pool.submit(graph.use_scope).result()
        >>> scope is ididi_scopefix.seed(graph)
        True
    """
    with _activation.lock:
        patches = list(_activation.patches)
    for patch in patches:
        if patch.active and isinstance(graph, patch.names.Graph):
            return patch.seed(graph)
    module = sys.modules.get(_activation.GRAPH)
    if module is None or not isinstance(graph, module.Graph):
        raise TypeError(
            f"seed() takes the ididi.Graph to seed this context for,"
            f" not {type(graph).__name__!r}"
        )
    try:
        return _default_scope(graph, module)
    except Exception as error:
        raise RuntimeError(
            f"this graph has no default scope: {status().reason}"
        ) from error


def _default_scope(graph: Graph, module: ModuleType) -> SyncScope:
    """Return the default scope of a graph whose module is not patched."""
    from ididi_scopefix._seeding import (
        ABSENT,
        names_of,
        root_of,
        seed_of,
        store,
        stored_seed,
    )

    names = names_of(module)
    if stored_seed(graph) is None:
        scope = root_of(module._SCOPE_CONTEXT.get(ABSENT), names)
        if scope is not None and scope._type_registry is graph._type_registry:
            store(scope, graph)
    return seed_of(graph, names).scope


def _inactivity(
    module: Optional[ModuleType],
    version: Optional[str],
    decision: Optional[_activation.Decision],
) -> tuple[State, str]:
    """Return the state in which no patch is in force, and its reason."""
    if _activation.deactivated:
        return "disabled", "deactivate() was called; activate() undoes it."
    if _is_off():
        return "disabled", f"{_SWITCH} is off in the environment; unset it."
    if decision is not None:
        return decision.state, decision.reason
    if not _activation.is_armed():
        return "disabled", "nothing waits for ididi; activate() does."
    if module is not None:
        if any(
            map(_activation.is_initializing, (_activation.GRAPH, _activation.PACKAGE))
        ):
            return "waiting", "ididi is being imported."
        reason = "ididi was imported past the finder; activate() patches it."
        _activation.warn_once(f"ididi-scopefix is not active: {reason}")
        return "failed", reason
    if version is None:
        return "waiting", "ididi is not installed here, or not on sys.path yet."
    return (
        "waiting",
        "ididi has not been imported yet; if affected, it is patched then.",
    )


def _version(module: Optional[ModuleType]) -> Optional[str]:
    if module is not None:
        return _activation.version_of(module)
    try:
        return _releases.version_on_path()
    except Exception:
        return None  # a finder of distributions has raised


def _seeded() -> int:
    # Not loaded means that no patch was ever made.
    seeding: Any = sys.modules.get("ididi_scopefix._seeding")
    return 0 if seeding is None else seeding.tally.total()


def _callers() -> tuple[Caller, ...]:
    module: Any = sys.modules.get("ididi_scopefix._callers")
    if module is None:
        return ()
    return tuple(
        Caller(call, file, line, function, count)
        for (call, file, line, function), count in module.callers()
    )


for public in (Caller, Status, activate, deactivate, seed, status):
    public.__module__ = "ididi_scopefix"

"""The probe: what a module's scope calls do in contexts without a scope.

It decides about releases that are newer than the newest verified one, and it
proves of every patch that it helps before it is called active.
"""

from __future__ import annotations

from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any

from ididi_scopefix.default_scope import let_go

if TYPE_CHECKING:
    from types import ModuleType


class ProbeError(Exception):
    """The module does something that this package does not understand."""


def still_raises(module: ModuleType) -> bool:
    """Tell whether *module* has the bug: a scope call raises ``LookupError``.

    An error of ididi's own is an answer, and so is anything returned.

    Raises:
        ProbeError: the calls fail in another way, and nothing can be said.
    """
    errors = _errors(module)
    if any(type(error) is LookupError for error in errors):
        return True
    for error in errors:
        if not type(error).__module__.startswith("ididi."):
            raise ProbeError(f"a scope call raised {error!r}") from error
    return False


def verify(module: ModuleType) -> None:
    """Check that every scope call of *module* works without a scope.

    Raises:
        ProbeError: one of them does not.
    """
    for error in _errors(module):
        raise ProbeError(f"a scope call still raised {error!r}") from error


def _errors(module: ModuleType) -> list[Exception]:
    """Return what the scope calls raise, each in a context of its own."""
    errors: list[Exception] = []
    # Without itself in it, a graph is gone as soon as it is dropped.
    graph, other = (Context().run(module.Graph, self_inject=False) for _ in range(2))
    for call in (_use_scope, _scope, _use_default_in_scope, _ascope, _merge):
        try:
            Context().run(call, module, graph, other)
        except Exception as error:
            errors.append(error)
    # Where the shim could not have kept anything, there is nothing to let go.
    with suppress(AttributeError):
        let_go(graph)
        let_go(other)
    return errors


def _use_scope(module: ModuleType, graph: Any, other: Any) -> None:
    name = graph.use_scope().name
    if name != module.DefaultScopeName:
        raise ProbeError(f"use_scope() returned the scope {name!r}")


def _scope(module: ModuleType, graph: Any, other: Any) -> None:
    with graph.scope("probe"):
        pass


def _use_default_in_scope(module: ModuleType, graph: Any, other: Any) -> None:
    with graph.scope("probe"):
        graph.use_scope(module.DefaultScopeName)


def _ascope(module: ModuleType, graph: Any, other: Any) -> None:
    # One step by hand, since there may be no event loop to run it in. The
    # variable is read before the loop is asked for.
    manager = graph.ascope("probe")
    try:
        _finish(manager.__aenter__())
    except RuntimeError as error:
        if "no running event loop" not in str(error):
            raise
    else:
        _finish(manager.__aexit__(None, None, None))


def _merge(module: ModuleType, graph: Any, other: Any) -> None:
    graph.merge(other)


def _finish(coroutine: Any) -> None:
    """Run *coroutine*, which has nothing to wait for, to its end."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise ProbeError("a scope call waited for something")

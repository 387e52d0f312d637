"""The probe: what a module's scope calls do in contexts without a scope.

It decides about releases newer than the verified ones, and proves of every patch
that it helps.
"""

from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import Context, ContextVar
from types import FunctionType, SimpleNamespace
from typing import Any, Callable

from ididi_scopefix._releases import UnknownReleaseError
from ididi_scopefix._seeding import discard


def still_raises(names: SimpleNamespace) -> bool:
    """Tell whether a module has the bug: a scope call raises ``LookupError``.

    An error of ididi's own is an answer, and so is anything returned.

    Raises:
        UnknownReleaseError: the calls fail in another way, or are another library's.
    """
    if is_mutable(names.Resolver):
        for name in ("use_scope", "scope", "ascope"):
            if not is_written_by(names, getattr(names.Resolver, name)):
                raise UnknownReleaseError(f"another library has wrapped {name}()")
    errors = _errors(names, lambda graph: graph.use_scope())
    if any(type(error) is LookupError for error in errors):
        return True
    for error in errors:
        if not type(error).__module__.startswith("ididi."):
            raise UnknownReleaseError(f"a scope call raised {error!r}") from error
    return False


def prove(names: SimpleNamespace) -> None:
    """Raise ``UnknownReleaseError`` if a scope call fails where there is no scope."""

    def use_scope(graph: Any) -> None:
        scope = graph.use_scope()
        if scope.name != names.DefaultScopeName:
            raise UnknownReleaseError(f"use_scope() returned the scope {scope.name!r}")
        _ = graph._type_registry, scope.pre  # the patch needs them, too
        Context().run(scope.use_scope)
        discard(graph)  # as if it had been built before activation

    for error in _errors(names, use_scope):
        raise UnknownReleaseError(f"a scope call still raised {error!r}") from error


def is_mutable(cls: type) -> bool:
    """Tell whether attributes of *cls* can be set, by setting one to what it is."""
    with suppress(TypeError, AttributeError):
        cls.__doc__ = cls.__doc__
        return True
    return False


def is_written_by(names: SimpleNamespace, function: Any) -> bool:
    """Tell whether *function* is a method or the variable of ididi, as it wrote it."""
    for decorator in (contextmanager, asynccontextmanager):
        if is_made_by(decorator, function):
            function = decorated_function(function)
    is_function = type(function) is FunctionType
    is_variable = type(function) is ContextVar
    return is_variable or (is_function and function.__globals__ is names.namespace)


def is_made_by(decorator: "Callable[..., Any]", function: Any) -> bool:
    """Tell whether *function* is what contextlib's *decorator* returns."""
    # Its very type: a wrapper of wrapt has the code of what it wraps, too.
    is_function = type(function) is FunctionType
    return is_function and function.__code__ is decorator(lambda: None).__code__


def decorated_function(function: Any) -> Any:
    """Return the function that contextlib has decorated to make *function*."""
    # Not __wrapped__, which somebody may have set to another one.
    (decorated,) = function.__closure__
    return decorated.cell_contents


def _errors(names: Any, use_scope: "Callable[[Any], object]") -> "list[Exception]":
    """Return what the scope calls raise, each in a context of its own."""
    errors: list[Exception] = []
    # A graph that does not inject itself is freed as soon as it is dropped.
    graph, other = (Context().run(names.Graph, self_inject=False) for _ in range(2))

    def scope(graph: Any) -> None:
        with graph.scope("probe"):
            graph.use_scope(names.DefaultScopeName)

    def merge(graph: Any) -> None:
        graph.merge(other)

    for call in (use_scope, scope, _ascope, merge):
        try:
            Context().run(call, graph)
        except Exception as error:
            errors.append(error)
    discard(graph)
    discard(other)
    return errors


def _ascope(graph: Any) -> None:
    # By hand, since there may be no event loop to run it in. The variable is read
    # before the loop is asked for.
    waited = UnknownReleaseError("a scope call waited for something")
    manager = graph.ascope("probe")
    enter, leave = manager.__aenter__, manager.__aexit__
    try:
        for method, args in ((enter, ()), (leave, (None, None, None))):
            coroutine = method(*args)
            with suppress(StopIteration):
                coroutine.send(None)
                coroutine.throw(waited)  # what it has opened is left in this context
    except RuntimeError as error:
        if "no running event loop" not in str(error):
            raise

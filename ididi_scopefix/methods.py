"""The patch for classes whose methods can be replaced: ididi 1.4.4, 1.6.0 on.

A method knows on which graph or scope it is called, so every context is seeded
for exactly that graph.
"""

from __future__ import annotations

import builtins
import inspect
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, contextmanager
from functools import update_wrapper
from types import FunctionType
from typing import TYPE_CHECKING, Any, Callable, Optional, cast

from ididi_scopefix.default_scope import default_scope_of, kept_by
from ididi_scopefix.patch import Patch
from ididi_scopefix.place import Place
from ididi_scopefix.seeding import ABSENT

if TYPE_CHECKING:
    from abc import ABCMeta
    from collections.abc import Awaitable, Generator
    from types import ModuleType

    from ididi.graph import Resolver, SyncScope

    Steps = Generator[Any, Any, Any]

Function = Callable[..., Any]

if sys.version_info >= (3, 10):
    _next_step = builtins.anext
else:

    def _next_step(steps: AsyncGenerator[Any, Any]) -> Awaitable[Any]:
        return steps.__anext__()


class MethodsPatch(Patch):
    """Replaces the methods that read the variable, and ``Graph.__init__``."""

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module)
        self._current = self.variable.get
        resolver, graph = module.Resolver, module.Graph
        self.places: tuple[Place, ...] = (
            Place(_owner(graph, "__init__"), "__init__", self._make_init),
            Place(_owner(resolver, "scope"), "scope", self._make_scope),
            Place(_owner(resolver, "ascope"), "ascope", self._make_ascope),
            Place(_owner(resolver, "use_scope"), "use_scope", self._make_use_scope),
        )

    def _default_for(self, resolver: Optional[Resolver]) -> Optional[SyncScope]:
        """Return the default scope of the graph of *resolver*."""
        assert resolver is not None
        # Where it mostly is, before asking where it could be.
        default = kept_by(resolver._type_registry)
        return default_scope_of(resolver, self.module) if default is None else default

    def _is_own(self, original: Any) -> bool:
        """Tell whether *original* is a function of ididi's, as it wrote it."""
        for decorator in (contextmanager, asynccontextmanager):
            if _is_made_by(decorator, original):
                original = _decorated_function(original)
        return (
            type(original) is FunctionType
            and original.__globals__ is self.module.__dict__
        )

    def _settle(self, resolver: Resolver) -> None:
        """Seed the current context for *resolver*, if it is to be seeded.

        Every scope call of the program comes here, or to the same lines where
        a call of them would cost too much: half as much again as the whole of
        ididi's use_scope(). If the context has a scope of the very graph that
        is asked, nothing else is looked at. What is in the variable may be
        anything that somebody has put there, hence the AttributeError.
        """
        found = self._current(ABSENT)
        try:
            settled = found._type_registry is resolver._type_registry
        except AttributeError:
            settled = False
        if not settled:
            self.settle(resolver, found)

    def _make_use_scope(self, original: Any) -> Function:
        call, current, settle = _unbound(original), self._current, self.settle

        def use_scope(self: Any, name: Any = "", *, as_async: Any = False) -> Any:
            found = current(ABSENT)
            try:
                settled = found._type_registry is self._type_registry
            except AttributeError:
                settled = False
            if not settled:
                settle(self, found)
            return call(self, name, as_async=as_async)

        settle_current = self._settle

        def use_scope_with_any(self: Any, *args: Any, **kwargs: Any) -> Any:
            settle_current(self)
            return call(self, *args, **kwargs)

        if not _same_parameters(original, use_scope):
            return update_wrapper(use_scope_with_any, original)
        return update_wrapper(_same_defaults(use_scope, original), original)

    def _make_scope(self, original: Any) -> Function:
        steps_of = _steps_of(original, contextmanager, _steps_in)
        current, settle = self._current, self.settle

        def scope(self: Any, name: Any = "") -> Steps:
            found = current(ABSENT)
            try:
                settled = found._type_registry is self._type_registry
            except AttributeError:
                settled = False
            if not settled:
                settle(self, found)
            steps: Steps = steps_of(self, name)
            return (yield from steps)

        settle_current = self._settle

        def settle_first(resolver: Resolver, steps: Steps) -> Steps:
            settle_current(resolver)
            return (yield from steps)

        def scope_with_any(self: Any, *args: Any, **kwargs: Any) -> Steps:
            return settle_first(self, steps_of(self, *args, **kwargs))

        # What is no generator function may do something when it is called, and
        # is called when the scope is asked for, not when it is entered.
        if not inspect.isgeneratorfunction(steps_of) or not _same_parameters(
            steps_of, scope
        ):
            return _decorated(contextmanager, scope_with_any, original)
        return _decorated(contextmanager, _same_defaults(scope, steps_of), original)

    def _make_ascope(self, original: Any) -> Function:
        steps_of = _steps_of(original, asynccontextmanager, _asteps_in)
        current, settle = self._current, self.settle

        class SettleFirst(_Steps):
            __slots__ = ()

            def __anext__(self) -> Awaitable[Any]:
                resolver = self.resolver
                # The last step passes here too: leaving a scope seeds nothing.
                if resolver is not None:
                    self.resolver = None
                    found = current(ABSENT)
                    try:
                        settled = found._type_registry is resolver._type_registry
                    except AttributeError:
                        settled = False
                    if not settled:
                        settle(resolver, found)
                return _next_step(self.steps)

        def ascope(self: Any, name: Any = "") -> _Steps:
            settling = SettleFirst()
            settling.resolver = self
            settling.steps = steps_of(self, name)
            return settling

        def ascope_with_any(self: Any, *args: Any, **kwargs: Any) -> _Steps:
            settling = SettleFirst()
            settling.resolver = self
            settling.steps = steps_of(self, *args, **kwargs)
            return settling

        if not _same_parameters(steps_of, ascope):
            return _decorated(asynccontextmanager, ascope_with_any, original)
        function = _same_defaults(ascope, steps_of)
        return _decorated(asynccontextmanager, function, original)

    def _make_init(self, original: Any) -> Function:
        call, current, built = _unbound(original), self._current, self.built

        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            call(self, *args, **kwargs)
            built(current(ABSENT))

        return update_wrapper(__init__, original)


class _Steps:
    """An async generator, but for ``__anext__``, which settles the context first.

    ididi reads the variable when a scope is entered, which may be in another
    context than the call of ``ascope()``. A generator around the generator
    would do, as it does for ``scope()``, but async ones can't be delegated to
    and cost a request four times as much as this. It has no ``__init__``, which
    would cost another tenth of that.

    Attributes:
        resolver: the graph or scope to settle the context for; ``None`` once
            that is done.
        steps: the generator itself.
    """

    __slots__ = ("resolver", "steps")

    resolver: Optional[Resolver]
    steps: AsyncGenerator[Any, Any]

    def __aiter__(self) -> _Steps:
        return self

    def asend(self, value: Any) -> Awaitable[Any]:
        return self.steps.asend(value)

    def athrow(self, *exception: Any) -> Awaitable[Any]:
        return self.steps.athrow(*exception)

    def aclose(self) -> Awaitable[None]:
        return self.steps.aclose()


# Said afterwards and not by inheriting: an abstract class takes longer to make
# an instance of, and there is one for each scope that is opened.
cast("ABCMeta", AsyncGenerator).register(_Steps)


def _owner(cls: type, name: str) -> type:
    """Return the class in whose namespace *cls* finds *name*."""
    for base in cls.__mro__:
        if name in vars(base) and base is not object:
            return base
    raise AttributeError(f"{cls.__module__}.{cls.__qualname__} has no {name}")


def _decorated(decorator: Function, function: Function, original: Any) -> Function:
    """Return *function* under *decorator*, with the face of *original*.

    The face is given twice, because contextlib shows the doc of the function
    on the context managers it makes and the method on the class is another.
    """
    return update_wrapper(decorator(update_wrapper(function, original)), original)


def _unbound(original: Any) -> Function:
    """Return *original*, found in a class, as a function that takes self.

    What another library has put there may rely on being bound, such as a
    ``wrapt.FunctionWrapper``, which is an instance of the type it wraps, or be
    something that Python does not bind.
    """
    if type(original) is FunctionType:
        return original

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not hasattr(original, "__get__"):
            return original(*args, **kwargs)
        return original.__get__(self, type(self))(*args, **kwargs)

    return call


def _same_parameters(one: Any, other: Any) -> bool:
    """Tell whether two functions take the same arguments by the same names."""
    if type(one) is not FunctionType:
        return False
    return [(each.name, each.kind) for each in _parameters(one)] == [
        (each.name, each.kind) for each in _parameters(other)
    ]


def _same_defaults(function: Any, original: Any) -> Function:
    """Return *function*, which has been given the defaults of *original*."""
    function.__defaults__ = original.__defaults__
    function.__kwdefaults__ = original.__kwdefaults__
    return cast("Function", function)


def _parameters(function: Any) -> list[inspect.Parameter]:
    return list(inspect.signature(function, follow_wrapped=False).parameters.values())


def _is_made_by(decorator: Function, function: Any) -> bool:
    """Tell whether *function* is what contextlib's *decorator* returns.

    By its code, and by its very type: a wrapper of wrapt has the code of what
    it wraps, and is an instance of its type.
    """
    return (
        type(function) is FunctionType
        and function.__code__ is decorator(lambda: None).__code__
    )


def _decorated_function(made: Any) -> Any:
    """Return the function of which contextlib has made *made*.

    The one that is called. ``__wrapped__`` says whose face *made* has, which is
    another if somebody has given it one.
    """
    (function,) = made.__closure__
    return function.cell_contents


def _steps_of(original: Any, decorator: Function, steps_in: Function) -> Function:
    """Return a function that makes the steps of the scope *original* opens.

    What contextlib's *decorator* has made of a generator function is undone:
    the steps are the very generator's, as if nothing were around it. Something
    that another library has put there is called when ididi's method would have
    been called, and entered when that would have been entered.
    """
    if _is_made_by(decorator, original):
        return cast("Function", _decorated_function(original))
    call = _unbound(original)
    return lambda *args, **kwargs: steps_in(call(*args, **kwargs))


def _steps_in(manager: Any) -> Generator[Any, Any, Any]:
    with manager as scope:
        yield scope


async def _asteps_in(manager: Any) -> AsyncGenerator[Any, Any]:
    async with manager as scope:
        yield scope

"""The patch for classes whose methods can be replaced: ididi 1.4.4, 1.6.0 on.

A method knows on which graph or scope it is called, so every context is seeded
for exactly that graph.
"""

from __future__ import annotations

import inspect
from contextlib import asynccontextmanager, contextmanager
from functools import update_wrapper
from types import FunctionType
from typing import TYPE_CHECKING, Any, Callable, Optional, cast

from ididi_scopefix.default_scope import seed_of
from ididi_scopefix.patch import Patch
from ididi_scopefix.place import Place
from ididi_scopefix.seeding import ABSENT, fill

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator
    from types import ModuleType

    from ididi.graph import Resolver

    from ididi_scopefix.default_scope import Seed

Function = Callable[..., Any]


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

    def _seed_for(self, resolver: Optional[Resolver]) -> Seed:
        """Return the seed of the graph of *resolver*."""
        assert resolver is not None
        return seed_of(resolver, self.module)

    def _is_own(self, original: Any) -> bool:
        """Tell whether *original* is a function of ididi's, as it wrote it."""
        for decorator in (contextmanager, asynccontextmanager):
            if _is_made_by(decorator, original):
                original = _decorated_function(original)
        return (
            type(original) is FunctionType
            and original.__globals__ is self.module.__dict__
        )

    def settle(self, resolver: Any, scope: Any) -> None:
        """Seed the current context for *resolver*, if it is to be seeded.

        The same as in the base class, and half as long for the most common
        case: a context without a scope, as a server may make for each request.
        """
        if scope is ABSENT and self.active:
            try:
                fill(self.variable, resolver._type_registry._ididi_scopefix_seed)
                return
            except Exception:
                # A graph that was built before the activation has none yet, and
                # what else can go wrong is told by the base class.
                pass
        super().settle(resolver, scope)

    # What takes the place of ididi's own methods begins with the lines of this
    # one, and does not call it: that would cost half as much again as the whole
    # of ididi's use_scope(), and a hundredth of a request's scope.
    def _settle_for(self, resolver: Any) -> None:
        """Seed the current context for *resolver*, if it is to be seeded.

        If the context has a scope of the very graph that is asked, nothing else
        is looked at.
        """
        found = self._current(ABSENT)
        try:
            if found._type_registry is not resolver._type_registry:
                self.settle(resolver, found)
        except Exception:
            # Of the comparison, since anything may be in the variable: settle()
            # keeps its own to itself.
            self.settle(resolver, found)

    def _make_use_scope(self, original: Any) -> Function:
        call, current, settle = _unbound(original), self._current, self.settle

        def use_scope(self: Any, name: Any = "", *, as_async: Any = False) -> Any:
            found = current(ABSENT)
            try:
                if found._type_registry is not self._type_registry:
                    settle(self, found)
            except Exception:
                settle(self, found)
            return call(self, name, as_async=as_async)

        settle_for = self._settle_for

        def use_scope_with_any(self: Any, *args: Any, **kwargs: Any) -> Any:
            settle_for(self)
            return call(self, *args, **kwargs)

        if not _same_parameters(original, use_scope):
            return update_wrapper(use_scope_with_any, original)
        return update_wrapper(_same_defaults(use_scope, original), original)

    def _make_scope(self, original: Any) -> Function:
        if not _is_made_by(contextmanager, original):
            return _around(original, self._entered)
        managers = _managers_of(contextmanager)
        enter, current, settle = managers.__enter__, self._current, self.settle

        def __enter__(self: Any) -> Any:  # noqa: N807
            resolver, found = self.args[0], current(ABSENT)
            try:
                if found._type_registry is not resolver._type_registry:
                    settle(resolver, found)
            except Exception:
                settle(resolver, found)
            return enter(self)

        return _entered_by(__enter__, managers, original)

    def _make_ascope(self, original: Any) -> Function:
        if not _is_made_by(asynccontextmanager, original):
            return _around(original, self._aentered)
        managers = _managers_of(asynccontextmanager)
        enter, current, settle = managers.__aenter__, self._current, self.settle

        async def __aenter__(self: Any) -> Any:  # noqa: N807
            resolver, found = self.args[0], current(ABSENT)
            try:
                if found._type_registry is not resolver._type_registry:
                    settle(resolver, found)
            except Exception:
                settle(resolver, found)
            return await enter(self)

        return _entered_by(__aenter__, managers, original)

    @contextmanager
    def _entered(self, resolver: Resolver, manager: Any) -> Generator[Any, Any, Any]:
        """Enter *manager*, a scope of *resolver*, in a context that is settled."""
        self._settle_for(resolver)
        with manager as scope:
            yield scope

    @asynccontextmanager
    async def _aentered(
        self, resolver: Resolver, manager: Any
    ) -> AsyncGenerator[Any, Any]:
        """Enter *manager*, a scope of *resolver*, in a context that is settled."""
        self._settle_for(resolver)
        async with manager as scope:
            yield scope

    def _make_init(self, original: Any) -> Function:
        call, current, built = _unbound(original), self._current, self.built

        def __init__(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: N807
            call(self, *args, **kwargs)
            built(current(ABSENT))

        return update_wrapper(__init__, original)


def _owner(cls: type, name: str) -> type:
    """Return the class in whose namespace *cls* finds *name*."""
    for base in cls.__mro__:
        if name in vars(base) and base is not object:
            return base
    raise AttributeError(f"{cls.__module__}.{cls.__qualname__} has no {name}")


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


def _managers_of(decorator: Function) -> Any:
    """Return the class of the context managers that contextlib's *decorator* makes."""
    manager: Any = decorator(lambda: None)()
    return manager.__class__


def _entered_by(enter: Function, managers: Any, original: Any) -> Function:
    """Return a function whose scopes are those of *original*, entered by *enter*.

    They are of a class derived from contextlib's *managers*, with the face of
    it to everybody who looks. Leaving a scope and decorating with it are
    contextlib's own.
    """
    name, face = enter.__name__, ("__doc__", "__module__", "__qualname__")
    namespace = {each: getattr(managers, each) for each in face}
    namespace[name] = update_wrapper(enter, getattr(managers, name))
    derived = type(managers.__name__, (managers,), namespace)
    steps = _decorated_function(original)

    def make(*args: Any, **kwargs: Any) -> Any:
        if not args and "self" in kwargs:
            # Nobody calls Graph.scope(self=graph), but nothing forbids it.
            args = (kwargs.pop("self"),)
        return derived(steps, args, kwargs)

    return update_wrapper(make, original)


def _around(original: Any, enter: Function) -> Function:
    """Return a function whose scopes are those of *original*, entered by *enter*.

    What another library has put there is called when ididi's method would have
    been called, and entered when that would have been entered.
    """
    call = _unbound(original)

    def make(self: Any, *args: Any, **kwargs: Any) -> Any:
        return enter(self, call(self, *args, **kwargs))

    return update_wrapper(make, original)

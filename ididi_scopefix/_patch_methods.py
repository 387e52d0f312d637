"""The patch for classes whose methods can be replaced: ididi 1.4.4, 1.6.0 on.

A method knows on which graph or scope it is called, so every context is seeded
for exactly that graph.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import WRAPPER_ASSIGNMENTS, update_wrapper
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, Callable, Optional

from ididi_scopefix._patch import Patch, ReplacedAttribute
from ididi_scopefix._probe import decorated_function, is_made_by, is_written_by
from ididi_scopefix._seeding import ABSENT, Seed, seed_of

if TYPE_CHECKING:
    from ididi.graph import Resolver
else:
    Resolver = Any

Function = Callable[..., Any]


class MethodsPatch(Patch):
    """Replaces the methods that read the variable, and ``Graph.__init__``.

    The three that read it begin with the same lines. A function for these lines
    would cost half as much again as the whole of ididi's ``use_scope()``. If the
    context has a scope of the very graph that is asked, they do nothing else.
    """

    def __init__(self, module: ModuleType) -> None:
        super().__init__(module)
        graph, resolver = module.Graph, module.Resolver
        self.replaced: tuple[ReplacedAttribute, ...] = (
            _attribute(graph, "__init__", self._make_init),
            _attribute(resolver, "scope", self._make_scope),
            _attribute(resolver, "ascope", self._make_ascope),
            _attribute(resolver, "use_scope", self._make_use_scope),
        )

    def _seed_for(self, resolver: Optional[Resolver]) -> Optional[Seed]:
        return None if resolver is None else seed_of(resolver, self.names)

    def _is_ididis(self, original: Any) -> bool:
        return is_written_by(self.names, original)

    def _make_init(self, original: Any) -> Function:
        call, current, built = _unbound(original), self.variable.get, self.graph_built
        absent = ABSENT

        # One for each shape of known releases: a replacement has the parameters
        # of what it replaces, for everybody who reads them in whatever way.
        def init(
            self: Any, name: Any, *, self_inject: Any, ignore: Any, workers: Any
        ) -> None:
            call(self, name, self_inject=self_inject, ignore=ignore, workers=workers)
            built(self, current(absent))

        def init_unnamed(
            self: Any, *, self_inject: Any, ignore: Any, workers: Any
        ) -> None:
            call(self, self_inject=self_inject, ignore=ignore, workers=workers)
            built(self, current(absent))

        def init_any(self: Any, *args: Any, **kwargs: Any) -> None:
            call(self, *args, **kwargs)
            built(self, current(absent))

        return _replacement(original, init, init_unnamed, init_any)

    def _make_use_scope(self, original: Any) -> Function:
        call, current, ensure = _unbound(original), self.variable.get, self.ensure_scope
        absent = ABSENT

        def use_scope(self: Any, name: Any, *, as_async: Any) -> Any:
            found = current(absent)
            try:
                if found._type_registry is not self._type_registry:
                    ensure(self, found)
            except Exception:  # anything may be in the variable
                ensure(self, found)
            return call(self, name, as_async=as_async)

        def use_scope_any(self: Any, *args: Any, **kwargs: Any) -> Any:
            ensure(self, current(absent))
            return call(self, *args, **kwargs)

        return _replacement(original, use_scope, use_scope_any)

    def _make_scope(self, original: Any) -> Function:
        if not is_made_by(contextmanager, original):
            return self._make_around(original, self._entered)
        managers = _managers_of(contextmanager)
        current, ensure, absent = self.variable.get, self.ensure_scope, ABSENT
        enter, leave = managers.__enter__, managers.__exit__

        def __enter__(self: Any) -> Any:  # noqa: N807
            found, args = current(absent), self.__dict__.get("args")
            try:
                if found._type_registry is not args[0]._type_registry:
                    ensure(args[0], found)
            except Exception:
                if args:  # else it was entered before, and contextlib says so
                    ensure(args[0], found)
            return enter(self)

        def __exit__(self: Any, typ: Any, value: Any, traceback: Any) -> Any:  # noqa: N807
            # Left without being entered, it runs to its first step now.
            if typ is None and (args := self.__dict__.get("args")):
                ensure(args[0], current(absent))
            return leave(self, typ, value, traceback)

        return _managed_by(managers, (__enter__, __exit__), original)

    def _make_ascope(self, original: Any) -> Function:
        if not is_made_by(asynccontextmanager, original):
            return self._make_around(original, self._aentered)
        managers = _managers_of(asynccontextmanager)
        current, ensure, absent = self.variable.get, self.ensure_scope, ABSENT
        enter, leave = managers.__aenter__, managers.__aexit__

        async def __aenter__(self: Any) -> Any:  # noqa: N807
            found, args = current(absent), self.__dict__.get("args")
            try:
                if found._type_registry is not args[0]._type_registry:
                    ensure(args[0], found)
            except Exception:
                if args:
                    ensure(args[0], found)
            return await enter(self)

        async def leave_unentered(self: Any, typ: Any, value: Any, tb: Any) -> Any:
            ensure(self.args[0], current(absent))
            return await leave(self, typ, value, tb)

        def __aexit__(self: Any, typ: Any, value: Any, traceback: Any) -> Any:  # noqa: N807
            if typ is None and "args" in self.__dict__ and _is_unentered(self):
                return leave_unentered(self, typ, value, traceback)
            return leave(self, typ, value, traceback)

        return _managed_by(managers, (__aenter__, __aexit__), original)

    def _make_around(self, original: Any, enter: Function) -> Function:
        """Return a function whose scopes are those of *original*, by *enter*.

        What another library has put there is called when ididi's method would
        have been called, and entered when that would have been entered.
        """
        call = _unbound(original)

        def make(self: Any, *args: Any, **kwargs: Any) -> Any:
            return enter(self, call(self, *args, **kwargs))

        return update_wrapper(make, original)

    @contextmanager
    def _entered(self, resolver: Resolver, manager: Any) -> Generator[Any, Any, Any]:
        self.ensure_scope(resolver, self.variable.get(ABSENT))
        with manager as scope:
            yield scope

    @asynccontextmanager
    async def _aentered(
        self, resolver: Resolver, manager: Any
    ) -> AsyncGenerator[Any, Any]:
        self.ensure_scope(resolver, self.variable.get(ABSENT))
        async with manager as scope:
            yield scope


def _attribute(
    cls: type, name: str, make: Callable[[Any], Function]
) -> ReplacedAttribute:
    """Return the attribute *name* of the class in which *cls* finds it."""
    for base in cls.__mro__:
        if name in vars(base) and base is not object:
            return ReplacedAttribute(base, name, make)
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


def _replacement(original: Any, *candidates: Any) -> Function:
    """Return the first of *candidates* that has the parameters of *original*.

    The last one takes any, and says that it has those of *original*.
    """
    *exact, takes_any = candidates
    if type(original) is FunctionType:
        signature = inspect.signature(original, follow_wrapped=False)
        chosen = next(
            (each for each in exact if _parameters(each) == _parameters(original)),
            takes_any,
        )
        chosen.__defaults__ = original.__defaults__
        chosen.__kwdefaults__ = original.__kwdefaults__
        if chosen is takes_any:
            chosen.__signature__ = signature
    else:
        chosen = takes_any
    return update_wrapper(chosen, original)


def _parameters(function: Any) -> list[tuple[str, Any]]:
    signature = inspect.signature(function, follow_wrapped=False)
    return [(each.name, each.kind) for each in signature.parameters.values()]


def _managers_of(decorator: Function) -> Any:
    """Return the class of the context managers that contextlib's *decorator* makes."""
    manager: Any = decorator(lambda: None)()
    return manager.__class__


def _managed_by(
    managers: Any, methods: tuple[Function, Function], original: Any
) -> Function:
    """Return a function like *original*, whose context managers have *methods*.

    They are of a class derived from contextlib's *managers*, and look like
    theirs. All else is contextlib's own.
    """
    namespace = {
        name: getattr(managers, name)
        for name in ("__doc__", "__module__", "__qualname__")
    }
    for method in methods:
        name = method.__name__
        namespace[name] = update_wrapper(method, getattr(managers, name))
    derived = type(managers.__name__, (managers,), namespace)
    function = decorated_function(original)

    def helper(*args: Any, **kwds: Any) -> Any:
        return derived(function, args, kwds)

    # Of the attributes, __wrapped__ is the function that ididi has decorated:
    # this is no wrapper around what contextlib has made of it.
    for name in WRAPPER_ASSIGNMENTS:
        if hasattr(original, name):
            setattr(helper, name, getattr(original, name))
    vars(helper).update(vars(original))
    return helper


if sys.version_info >= (3, 10):

    def _is_unentered(manager: Any) -> bool:
        return True  # entering deletes the args, by which this was asked

else:

    def _is_unentered(manager: Any) -> bool:
        frame = manager.gen.ag_frame
        return frame is not None and frame.f_lasti == -1

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
from typing import Any, Callable, Optional

from ididi_scopefix._patch import Patch, ReplacedAttribute
from ididi_scopefix._probe import decorated_function, is_made_by, is_written_by
from ididi_scopefix._seeding import ABSENT, Resolver, Seed, seed_of

Function = Callable[..., Any]


class MethodsPatch(Patch):
    """Replaces the methods that read the variable, and ``Graph.__init__``.

    If the context has a scope of the very graph that is asked, the replacements do
    no more than compare. Each compares in place, so that three of them begin alike: a
    call would cost half as much again as the whole of ididi's ``use_scope()``.
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
        absent = ABSENT  # as a global it would be None when the interpreter ends

        # Its annotations are Any: a checker at run time leaves it as it is.
        def init(*args: Any, **kwargs: Any) -> Any:
            call(*args, **kwargs)
            built(args[0] if args else kwargs["self"], current(absent))

        return _like(original, init)

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

        def use_scope_any(*args: Any, **kwargs: Any) -> Any:
            if args:
                ensure(args[0], current(absent))
            return call(*args, **kwargs)

        is_function = type(original) is FunctionType
        known = is_function and _parameters(original) == _parameters(use_scope)
        return _like(original, use_scope if known else use_scope_any)

    def _make_scope(self, original: Any) -> Function:
        if not is_made_by(contextmanager, original):
            return self._make_around(original, self._entered)
        managers, ensure_for = self._managers(contextmanager)
        current, ensure, absent = self.variable.get, self.ensure_scope, ABSENT
        enter, leave = managers.__enter__, managers.__exit__

        def __enter__(self: Any) -> Any:  # noqa: N807
            found = current(absent)
            try:
                resolver = self.args[0]
                if found._type_registry is not resolver._type_registry:
                    ensure(resolver, found)
            except Exception:
                ensure_for(self)
            return enter(self)

        def __exit__(self: Any, typ: Any, value: Any, traceback: Any) -> Any:  # noqa: N807
            # Left without being entered, it runs to its first step now.
            if typ is None and hasattr(self, "args"):
                ensure_for(self)
            return leave(self, typ, value, traceback)

        return _managed_by(managers, (__enter__, __exit__), original)

    def _make_ascope(self, original: Any) -> Function:
        if not is_made_by(asynccontextmanager, original):
            return self._make_around(original, self._aentered)
        managers, ensure_for = self._managers(asynccontextmanager)
        current, ensure, absent = self.variable.get, self.ensure_scope, ABSENT
        enter, leave = managers.__aenter__, managers.__aexit__

        async def __aenter__(self: Any) -> Any:  # noqa: N807
            found = current(absent)
            try:
                resolver = self.args[0]
                if found._type_registry is not resolver._type_registry:
                    ensure(resolver, found)
            except Exception:
                ensure_for(self)
            return await enter(self)

        async def leave_unentered(self: Any, *error: Any) -> Any:
            ensure_for(self)
            return await leave(self, *error)

        # Not "async": a second coroutine for each scope would be felt.
        def __aexit__(self: Any, typ: Any, value: Any, traceback: Any) -> Any:  # noqa: N807
            if typ is None and hasattr(self, "args") and _is_new(self):
                return leave_unentered(self, typ, value, traceback)
            return leave(self, typ, value, traceback)

        # It can be marked as what it is from Python 3.12 on.
        getattr(inspect, "markcoroutinefunction", id)(__aexit__)

        return _managed_by(managers, (__aenter__, __aexit__), original)

    def _managers(self, decorator: Function) -> tuple[Any, Function]:
        """Return the class of *decorator*'s managers, and what ensures their scope."""

        def ensure_for(manager: Any) -> Any:
            # Without args it was entered before, and contextlib says so.
            if hasattr(manager, "args"):
                resolver = manager.args[0] if manager.args else manager.kwds.get("self")
                self.ensure_scope(resolver, self.variable.get(ABSENT))

        return decorator(lambda: None)().__class__, ensure_for

    def _make_around(self, original: Any, enter: Function) -> Function:
        """Return a function whose scopes are those of *original*, by *enter*.

        What another library has put there is called when ididi's method would have
        been called, and entered when that would have been entered.
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


def _attribute(cls: type, name: str, make: Callable[[Any], Any]) -> ReplacedAttribute:
    """Return the attribute *name* of the class in which *cls* finds it."""
    for base in cls.__mro__:
        if name in vars(base) and base is not object:
            return ReplacedAttribute(base, name, make)
    raise AttributeError(f"{cls.__module__}.{cls.__qualname__} has no {name}")


def _unbound(original: Any) -> Function:
    """Return *original*, found in a class, as a function that takes self.

    What another library has put there may rely on being bound, such as a
    ``wrapt.FunctionWrapper``, or be something that Python does not bind.
    """
    if type(original) is FunctionType:
        return original

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not hasattr(original, "__get__"):
            return original(*args, **kwargs)
        return original.__get__(self, type(self))(*args, **kwargs)

    return call


def _like(original: Any, replacement: Any) -> Function:
    """Return *replacement*, which says that it has the parameters of *original*."""
    if type(original) is FunctionType:
        signature = inspect.signature(original, follow_wrapped=False)
        if not replacement.__code__.co_argcount:
            replacement.__signature__ = signature
        # Where the replacement takes any arguments, they have no effect.
        replacement.__defaults__ = original.__defaults__
        replacement.__kwdefaults__ = original.__kwdefaults__
    return update_wrapper(replacement, original)


def _parameters(function: Any) -> list[tuple[str, Any]]:
    signature = inspect.signature(function, follow_wrapped=False)
    return [(each.name, each.kind) for each in signature.parameters.values()]


def _managed_by(managers: Any, methods: Any, original: Any) -> Function:
    """Return a function like *original*, whose context managers have *methods*.

    They are of a class derived from contextlib's *managers*, and look like theirs.
    """
    copied = ("__doc__", "__module__", "__qualname__")
    namespace = {name: getattr(managers, name) for name in copied}
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
    helper.__dict__.update(original.__dict__)
    return helper


def _is_new(manager: Any) -> bool:
    """Tell whether an asynchronous *manager* that has its args was not entered."""
    if sys.version_info >= (3, 10):
        return True  # entering deletes them
    frame: Any = manager.gen.ag_frame
    return frame is not None and frame.f_lasti == -1

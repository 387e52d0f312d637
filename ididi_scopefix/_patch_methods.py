"""The patch for classes whose methods can be replaced: ididi 1.4.4, 1.6.0 on.

A method knows on which graph or scope it is called, so every context is seeded
for exactly that graph.
"""

import inspect
import sys
from contextlib import asynccontextmanager, contextmanager
from functools import update_wrapper
from types import FunctionType, ModuleType
from typing import Any

from wrapt import FunctionWrapper

from ididi_scopefix._patch import Function, Patch, ReplacedAttribute
from ididi_scopefix._probe import decorated_function, is_made_by
from ididi_scopefix._seeding import ABSENT


class MethodsPatch(Patch):
    """Replaces the methods that read the variable, and ``Graph.__init__``.

    If the context has a scope of the very graph that is asked, they only compare, in
    place: a shared function would cost half as much again as ididi's ``use_scope()``.
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

    def _make_init(self, original: Any) -> Function:
        current, built = self.variable.get, self.graph_built
        absent = ABSENT  # as a global it would be None when the interpreter ends

        # Its annotations are Any: a checker at run time leaves it as it is.
        def init(*args: Any, **kwargs: Any) -> Any:
            original(*args, **kwargs)
            built(args[0] if args else kwargs["self"], current(absent))

        def init_any(wrapped: Any, graph: Any, args: Any, kwargs: Any) -> Any:
            wrapped(*args, **kwargs)
            built(_self(graph, args), current(absent))

        plain = _is_plain(original)
        return _like(original, init) if plain else _wrapped(original, init_any)

    def _make_use_scope(self, original: Any) -> Function:
        current, ensure, absent = self.variable.get, self.ensure_scope, ABSENT

        def use_scope(self: Any, name: Any, *, as_async: Any) -> Any:
            found = current(absent)
            try:
                if found._type_registry is not self._type_registry:
                    ensure(self, found)
            except Exception:
                pass  # anything may be in the variable
            return original(self, name, as_async=as_async)

        if _is_plain(original) and _parameters(original) == _parameters(use_scope):
            return _like(original, use_scope)
        return self._make_any(original)

    def _make_scope(self, original: Any) -> Function:
        decorator: Any = contextmanager
        if not is_made_by(decorator, original):
            return self._make_any(original)
        current, absent = self.variable.get, ABSENT
        ensure, ensure_for = self.ensure_scope, self._ensure_for
        managers: Any = decorator(lambda: None)().__class__
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
            try:
                return leave(self, typ, value, traceback)
            except LookupError:
                if not hasattr(self, "args"):
                    raise
            # It was never entered: it began only now, and found no scope.
            ensure_for(self)
            self.gen = self.func(*self.args, **self.kwds)
            return leave(self, typ, value, traceback)

        def ensure_and_exit(self: Any, typ: Any, value: Any, traceback: Any) -> Any:
            if typ is None:
                ensure_for(self)
            return leave(self, typ, value, traceback)

        closes = sys.version_info >= (3, 11)  # else contextlib leaves it open
        last = __exit__ if closes else ensure_and_exit
        return _managed(managers, original, __enter__=__enter__, __exit__=last)

    def _make_ascope(self, original: Any) -> Function:
        decorator: Any = asynccontextmanager
        if not is_made_by(decorator, original):
            return self._make_any(original)
        current, absent = self.variable.get, ABSENT
        ensure, ensure_for = self.ensure_scope, self._ensure_for
        managers: Any = decorator(lambda: None)().__class__
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

        return _managed(managers, original, __aenter__=__aenter__, __aexit__=__aexit__)

    def _ensure_for(self, manager: Any) -> None:
        """Ensure the scope of *manager*, unless it has been entered before."""
        if hasattr(manager, "args"):
            resolver = manager.args[0] if manager.args else manager.kwds.get("self")
            self.ensure_scope(resolver, self.variable.get(ABSENT))

    def _make_any(self, original: Any) -> Function:
        """Return a replacement for what another library has put there.

        It may take anything and return anything, so the scope is ensured now.
        """

        def call(wrapped: Any, resolver: Any, args: Any, kwargs: Any) -> Any:
            self.ensure_scope(_self(resolver, args), self.variable.get(ABSENT))
            return wrapped(*args, **kwargs)

        return _wrapped(original, call)


def _attribute(cls: type, name: str, make: Function) -> ReplacedAttribute:
    """Return the attribute *name* of the class in which *cls* finds it."""
    for base in cls.__mro__:
        if name in vars(base) and base is not object:
            path = f"{base.__module__}.{base.__qualname__}"
            return ReplacedAttribute(base, path, name, make)
    raise AttributeError(f"{cls.__module__}.{cls.__qualname__} has no {name}")


def _is_plain(original: Any) -> bool:
    """Tell whether *original* is a function that shows no other one."""
    return type(original) is FunctionType and not hasattr(original, "__wrapped__")


def _wrapped(original: Function, wrapper: Function) -> Function:
    """Return what looks like *original* in every way, and calls *wrapper*."""
    if not hasattr(original, "__get__"):
        return original  # it is called without self, and knows no graph
    return FunctionWrapper(original, wrapper)


def _self(instance: Any, args: Any) -> Any:
    """Return the self of a method: wrapt passes it as *instance* if it was bound."""
    return args[0] if instance is None and args else instance


def _like(original: Any, replacement: Any) -> Function:
    """Return *replacement*, with the name and the signature of *original*."""
    if not replacement.__code__.co_argcount:
        replacement.__signature__ = inspect.signature(original)
    # One that takes any arguments ignores them.
    replacement.__defaults__ = original.__defaults__
    replacement.__kwdefaults__ = original.__kwdefaults__
    return update_wrapper(replacement, original)


def _parameters(function: Any) -> "tuple[object, ...]":
    code = function.__code__
    counts = code.co_posonlyargcount, code.co_argcount, code.co_kwonlyargcount
    any_more = code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
    return counts, any_more, code.co_varnames[: sum(counts[1:])]


def _managed(managers: Any, original: Any, **methods: Any) -> Function:
    """Return a function like *original*, whose *managers* have other *methods*."""
    copied = ("__doc__", "__module__", "__qualname__")
    namespace = {name: getattr(managers, name) for name in copied}
    for name, method in methods.items():
        namespace[name] = update_wrapper(method, getattr(managers, name))
    derived = type(managers.__name__, (managers,), namespace)
    function = decorated_function(original)

    def helper(*args: Any, **kwds: Any) -> Any:
        return derived(function, args, kwds)

    update_wrapper(helper, original)
    helper.__dict__.update(original.__dict__)  # __wrapped__ is the decorated function
    return helper


def _is_new(manager: Any) -> bool:
    """Tell whether an asynchronous *manager* that has its args was not entered."""
    if sys.version_info >= (3, 10):
        return True  # entering deletes them
    return getattr(manager.gen.ag_frame, "f_lasti", None) == -1

"""What other libraries put around a method; each call tells *note* its self."""

from __future__ import annotations

import functools
from typing import Any, Callable

import wrapt


def plain(method: Any, note: Callable[[Any], None]) -> Any:
    """A function of which nobody can tell what it calls."""

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        note(self)
        return method(self, *args, **kwargs)

    return call


def by_functools(method: Any, note: Callable[[Any], None]) -> Any:
    """A function that shows what it calls."""
    return functools.wraps(method)(plain(method, note))


def by_wrapt(method: Any, note: Callable[[Any], None]) -> Any:
    """An object that looks like what it calls."""

    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        note(instance)
        return wrapped(*args, **kwargs)

    return wrapt.FunctionWrapper(method, wrapper)

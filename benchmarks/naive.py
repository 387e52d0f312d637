"""The shim as one writes it first: ``wrapt.FunctionWrapper`` on all three.

It seeds when ``scope()`` is called instead of when the scope is entered, and
the table of default scopes keeps every graph alive for ever. It is here to be
measured, not to be used.
"""

from __future__ import annotations

from typing import Any

import wrapt
from ididi import graph
from ididi.config import DefaultScopeName

_defaults: dict[int, Any] = {}


def _seed(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    try:
        graph._SCOPE_CONTEXT.get()
    except LookupError:
        key = id(instance._type_registry)
        if key not in _defaults:
            _defaults[key] = instance._create_scope(DefaultScopeName)
        graph._SCOPE_CONTEXT.set(_defaults[key])
    return wrapped(*args, **kwargs)


for _name in ("scope", "ascope", "use_scope"):
    wrapt.wrap_function_wrapper(graph.Resolver, _name, _seed)

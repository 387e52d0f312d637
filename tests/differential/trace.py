"""What a program sees, as text: equal for two programs that see the same."""

from __future__ import annotations

import re
from typing import Any, Optional

import ididi.graph

LITERALS = (bool, int, float, str, bytes, type(None))
ADDRESS = re.compile(r"at 0x[0-9a-fA-F]+")


class Trace:
    """Notes what happens, naming each object by when it was first seen.

    Objects are kept until the program has ended, or a new one could be taken
    for one that is gone. Context managers and generators never come here:
    their end is part of what programs do.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._count = 0
        self._names: dict[int, tuple[str, Any]] = {}

    def forget(self, workers: Any) -> None:
        """Forget the graph of the thread pool *workers*, and its scopes."""
        self._names = {
            key: (name, thing)
            for key, (name, thing) in self._names.items()
            if getattr(thing, "_workers", None) is not workers
        }

    def note(self, word: str, *values: Any) -> None:
        """Note a *word* for what has happened, and the *values* that it is about."""
        self.lines.append(" ".join([word, *map(self.describe, values)]))

    def name_of(self, thing: Any) -> str:
        """Return the name of *thing*, a new one if it is new."""
        if id(thing) not in self._names:
            self._count += 1
            self._names[id(thing)] = f"{type(thing).__name__}#{self._count}", thing
        return self._names[id(thing)][0]

    def describe(self, value: Any) -> str:
        """Describe *value* in a way that doesn't depend on where it is in memory."""
        if isinstance(value, LITERALS):
            return ADDRESS.sub("at some address", repr(value))
        if isinstance(value, (tuple, list)):
            return f"{type(value).__name__}({', '.join(map(self.describe, value))})"
        if isinstance(value, type):
            return f"{value.__module__}.{value.__qualname__}"
        if isinstance(value, BaseException):
            return self.describe_error(value)
        if isinstance(value, ididi.graph.Resolver):
            return self.describe_resolver(value)
        return self.name_of(value)

    def describe_error(self, error: BaseException) -> str:
        """Describe an exception, and those it was raised from or after."""
        link: Optional[BaseException] = error
        chain: dict[int, str] = {}
        while link is not None and id(link) not in chain:
            chain[id(link)] = self.name_of(link) + self.describe(link.args)
            link = link.__cause__ or link.__context__
        return f"[{' after '.join(chain.values())}]"

    def describe_resolver(self, resolver: Any) -> str:
        """Describe a graph or scope: what it holds, and the scopes above it."""
        instances = resolver._resolved_singletons.items()
        held = sorted(
            f"{getattr(kind, '__name__', kind)}={self.name_of(instance)}"
            for kind, instance in instances
        )
        registered = sorted(
            getattr(kind, "__name__", str(kind))
            for kind in resolver._registered_singletons
        )
        text = f"<{self.name_of(resolver)} {resolver!r} holds {held} of {registered}"
        scope = getattr(resolver, "pre", None)
        while isinstance(scope, ididi.graph.Resolver):
            text += f" in {self.name_of(scope)} {scope.name!r}"
            scope = scope.pre
        return text + ">"

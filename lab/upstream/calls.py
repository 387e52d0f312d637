"""Prints what each scope call does in an empty context, for the page's table.

Runs on every release since 1.4.2, so it uses what all of them have.
"""

# ididi resolves what the annotations below say: no __future__ import here.

import asyncio
import json
from contextvars import Context
from typing import Annotated, Any, Callable, Generator  # noqa: UP035

from ididi import Graph, use


class Resource:
    """Something that only a scope can give, since it has to be closed."""


def open_resource() -> Generator[Resource, None, None]:
    yield Resource()


def calls() -> "dict[str, Callable[[], Any]]":
    """Return the calls, by their columns, on graphs built right here."""
    graph, other = Graph(), Graph()

    def scope() -> None:
        with graph.scope("request"):
            pass

    async def enter_ascope() -> None:
        # Until 1.4.2, scope() made both kinds.
        async with getattr(graph, "ascope", graph.scope)("request"):
            pass

    def use_default() -> None:
        from ididi.config import DefaultScopeName

        with graph.scope("request"):
            graph.use_scope(DefaultScopeName)

    def entry(resource: Annotated[Resource, use(open_resource)]) -> None:
        pass

    return {
        "scope": scope,
        "ascope": lambda: asyncio.run(enter_ascope()),
        "use_scope": graph.use_scope,
        "default scope inside a scope": use_default,
        "merge": lambda: graph.merge(other),
        "entry": graph.entry(entry),
    }


def outcome(name: str) -> str:
    """Make one call, on graphs of its own."""
    call = calls()[name]
    try:
        Context().run(call)
    except ImportError:
        return "no such name"
    except Exception as error:
        return type(error).__name__
    return "works"


if __name__ == "__main__":
    print(json.dumps({name: outcome(name) for name in calls()}))

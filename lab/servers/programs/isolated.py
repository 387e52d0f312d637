"""One unit of work that sees whether it has its scopes for itself."""

import itertools
from collections.abc import Generator
from typing import Any

from ididi import Graph
from ididi.config import DefaultScopeName

# As in a program: what is not imported at start-up is imported here.
import ididi_scopefix  # noqa: F401


class Connection:
    """A resource that is closed with its scope."""

    def __init__(self) -> None:
        self.is_open = True


def connect() -> Generator[Connection, None, None]:
    """Open a connection for as long as a scope."""
    connection = Connection()
    yield connection
    connection.is_open = False


graph = Graph()
graph.node(connect, reuse=True)
default_scope = graph.use_scope(DefaultScopeName)

_numbers = itertools.count()


def work(pause: Any = None) -> None:
    """Open a scope and one in it, and find them again after each *pause*."""
    name = f"work-{next(_numbers)}"
    assert graph.use_scope() is default_scope
    with graph.scope(name) as outer:
        assert outer.pre is default_scope
        connection = outer.resolve(Connection)
        with graph.scope("inner") as inner:
            for _ in range(3):
                if pause is not None:
                    pause()
                assert graph.use_scope() is inner
                assert graph.use_scope(name) is outer
                assert outer.resolve(Connection) is connection
                assert connection.is_open
        assert graph.use_scope() is outer
    assert not connection.is_open
    assert graph.use_scope() is default_scope

"""What the programs resolve.

Without ``from __future__ import annotations``: ididi resolves what a factory's
annotations say, and the names of a generator's are not always in reach.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, AsyncGenerator, Callable, Generator  # noqa: UP035

from ididi import Graph, use

Note = Callable[..., None]

noted: list[Note] = []
"""What the resources report to: the program that is running."""


def note(*words: Any) -> None:
    """Report *words* to the program that is running."""
    noted[-1](*words)


class Settings:
    """Something that needs no scope."""


class Connection:
    """A resource, opened and closed by functions."""


class AsyncConnection:
    """A resource, opened and closed by coroutines."""


class Brittle:
    """A resource that can't be closed."""


class Service:
    """Something that needs a scope, for the sake of a resource."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self.settings = settings
        self.connection = connection


def open_connection() -> Generator[Connection, None, None]:
    """Open a connection, and tell how it is closed."""
    connection = Connection()
    note("opens", connection)
    try:
        yield connection
    except BaseException as error:
        note("closes after", connection, error)
        raise
    note("closes", connection)


async def open_async_connection() -> AsyncGenerator[AsyncConnection, None]:
    """Open a connection, and tell how it is closed."""
    connection = AsyncConnection()
    note("opens", connection)
    try:
        yield connection
    except BaseException as error:
        note("closes after", connection, error)
        raise
    note("closes", connection)


def open_brittle() -> Generator[Brittle, None, None]:
    """Open what can't be closed."""
    yield Brittle()
    raise OSError("can't be closed")


TYPES = (Settings, Connection, AsyncConnection, Brittle, Service, Graph, int)
"""What is resolved; the last of them can't be."""


@contextmanager
def reporting(suppress: bool) -> Iterator[str]:
    """Report how it is left, and suppress the error or not."""
    note("enters")
    try:
        yield "entered"
    except BaseException as error:
        note("leaves after", error)
        if not suppress:
            raise
    else:
        note("leaves")


def add_to(graph: Graph) -> None:
    """Tell *graph* of the resources."""
    for factory in (open_connection, open_async_connection, open_brittle):
        graph.node(factory)


def make_entries(graph: Graph, enter: Callable[[], Any]) -> dict[str, Any]:
    """Make entry functions of *graph* of every kind, each of which calls *enter*."""

    @graph.entry
    def plain(settings: Settings) -> Any:
        note("in entry", settings)
        return enter()

    @graph.entry
    def scoped(connection: Annotated[Connection, use(open_connection)]) -> Any:
        note("in entry", connection)
        return enter()

    @graph.entry
    async def async_plain(settings: Settings) -> Any:
        note("in entry", settings)
        return await enter()

    @graph.entry
    async def async_scoped(
        connection: Annotated[AsyncConnection, use(open_async_connection)],
    ) -> Any:
        note("in entry", connection)
        return await enter()

    return {
        "plain": plain,
        "scoped": scoped,
        "async plain": async_plain,
        "async scoped": async_scoped,
    }

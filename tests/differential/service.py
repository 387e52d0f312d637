"""What the programs resolve.

Without ``from __future__ import annotations``: ididi resolves what a factory's
annotations say, and the names of a generator's are not always in reach.
"""

from typing import Annotated, Any, AsyncGenerator, Generator  # noqa: UP035

from ididi import Graph, use

running: list[Any] = []
"""The program that is running. ididi's caches keep functions, but not what is here."""


class Settings:
    """Something that needs no scope."""


class Connection:
    """A resource, opened and closed by functions."""


class AsyncConnection:
    """A resource, opened and closed by coroutines."""


class Service:
    """Something that needs a scope, for the sake of a resource."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self.settings, self.connection = settings, connection


def open_connection() -> Generator[Connection, None, None]:
    """Open a connection, and tell how it is closed."""
    connection = Connection()
    running[-1].note("opens", connection)
    try:
        yield connection
    except BaseException as error:
        running[-1].note("closes after", connection, error)
        raise
    running[-1].note("closes", connection)


async def open_async_connection() -> AsyncGenerator[AsyncConnection, None]:
    """Open a connection, and tell how it is closed."""
    connection = AsyncConnection()
    running[-1].note("opens", connection)
    try:
        yield connection
    except BaseException as error:
        running[-1].note("closes after", connection, error)
        raise
    running[-1].note("closes", connection)


TYPES = (Settings, Connection, AsyncConnection, Service, Graph, int)
"""What is resolved; the last of them can't be."""


def make_entries(graph: Graph) -> dict[str, Any]:
    """Make entry functions of *graph*, which say whether they can wait."""

    @graph.entry
    def plain(settings: Settings) -> Any:
        running[-1].note("in entry", settings)
        return running[-1].enter(False)

    @graph.entry
    def scoped(connection: Annotated[Connection, use(open_connection)]) -> Any:
        running[-1].note("in entry", connection)
        return running[-1].enter(False)

    @graph.entry
    async def async_scoped(
        connection: Annotated[AsyncConnection, use(open_async_connection)],
    ) -> Any:
        running[-1].note("in entry", connection)
        return await running[-1].enter(True)

    return {"plain": plain, "scoped": scoped, "async": async_scoped}

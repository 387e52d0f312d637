"""What the programs resolve.

Without ``from __future__ import annotations``: ididi resolves what a factory's
annotations say, and the names of a generator's are not always in reach.
"""

from typing import Annotated, Any, AsyncGenerator, Callable, Generator  # noqa: UP035

from ididi import Graph, use

noted: list[Callable[..., None]] = []
"""What the resources report to: the program that is running."""


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
    noted[-1]("opens", connection)
    try:
        yield connection
    except BaseException as error:
        noted[-1]("closes after", connection, error)
        raise
    noted[-1]("closes", connection)


async def open_async_connection() -> AsyncGenerator[AsyncConnection, None]:
    """Open a connection, and tell how it is closed."""
    connection = AsyncConnection()
    noted[-1]("opens", connection)
    try:
        yield connection
    except BaseException as error:
        noted[-1]("closes after", connection, error)
        raise
    noted[-1]("closes", connection)


TYPES = (Settings, Connection, AsyncConnection, Service, Graph, int)
"""What is resolved; the last of them can't be."""


def make_entries(graph: Graph, enter: Callable[[bool], Any]) -> dict[str, Any]:
    """Make entry functions of *graph*, which call *enter* and say if they can wait."""

    @graph.entry
    def plain(settings: Settings) -> Any:
        noted[-1]("in entry", settings)
        return enter(False)

    @graph.entry
    def scoped(connection: Annotated[Connection, use(open_connection)]) -> Any:
        noted[-1]("in entry", connection)
        return enter(False)

    @graph.entry
    async def async_scoped(
        connection: Annotated[AsyncConnection, use(open_async_connection)],
    ) -> Any:
        noted[-1]("in entry", connection)
        return await enter(True)

    return {"plain": plain, "scoped": scoped, "async": async_scoped}

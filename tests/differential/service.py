"""What the programs resolve.

Without ``from __future__ import annotations``: ididi resolves what a factory's
annotations say, and the names of a generator's are not always in reach.
"""

from typing import Annotated, Any, Generator  # noqa: UP035

from ididi import Graph, use

running: list[Any] = []
"""The program that is running. ididi's caches keep functions, but not what is here."""


class Settings:
    """Something that needs no scope."""


class Connection:
    """A resource: whoever needs one needs a scope."""


def open_connection() -> Generator[Connection, None, None]:
    """Open a connection, and tell when it is closed."""
    connection, note = Connection(), running[-1].note
    note("opens", connection)
    try:
        yield connection
    finally:
        note("closes", connection)


TYPES = (Settings, Connection, Graph, int)
"""What is resolved; the last of them can't be."""


def make_entries(graph: Graph) -> tuple[Any, Any]:
    """Make entry functions of *graph*, of which the second can wait."""

    @graph.entry
    def entry(connection: Annotated[Connection, use(open_connection)]) -> None:
        running[-1].note("in entry", connection)
        running[-1].run_block(running[-1].entered.pop())

    @graph.entry
    async def async_entry(
        connection: Annotated[Connection, use(open_connection)],
    ) -> None:
        running[-1].note("in entry", connection)
        await running[-1].block(running[-1].entered.pop())

    return entry, async_entry

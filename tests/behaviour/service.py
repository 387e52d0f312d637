"""What the tests' graphs resolve: a small service.

Without ``from __future__ import annotations``: ididi resolves what a factory's
annotations say, and the names of a generator's are not always in reach.
"""

from typing import AsyncGenerator, Generator


class Settings:
    """Something to resolve."""


class Connection:
    """A resource: it has to be closed when its scope ends."""

    def __init__(self) -> None:
        self.is_open = True


def open_connection() -> Generator[Connection, None, None]:
    """A sync factory of the resource."""
    connection = Connection()
    yield connection
    connection.is_open = False


async def open_async_connection() -> AsyncGenerator[Connection, None]:
    """An async factory of the resource."""
    connection = Connection()
    yield connection
    connection.is_open = False

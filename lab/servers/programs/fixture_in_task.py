"""A fixture that builds the graph in another task than the test.

anyio's plugin runs what is marked, pytest-asyncio in its auto mode everything.
"""

import asyncio

import pytest
from ididi import Graph
from ididi.config import DefaultScopeName

import ididi_scopefix  # noqa: F401

pytestmark = pytest.mark.anyio


async def build() -> Graph:
    """Build a graph as an application does when it starts."""
    return Graph()


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio alone: ididi's scopes need it."""
    return "asyncio"


@pytest.fixture
async def graph() -> Graph:
    """Start the application in a task of its own."""
    return await asyncio.create_task(build())


async def test_a_scope_opens_under_the_default_scope(graph: Graph) -> None:
    """The test has the graph, and not the context that it was built in."""
    async with graph.ascope("test") as scope:
        assert graph.use_scope() is scope
        assert scope.pre is graph.use_scope(DefaultScopeName)

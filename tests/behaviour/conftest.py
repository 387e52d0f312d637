"""What the tests of this folder start from: a graph and its default scope."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import ididi.graph
import pytest

from tests.shape import is_compiled

if TYPE_CHECKING:
    from ididi import Graph, SyncScope


@pytest.fixture
def graph() -> Graph:
    """A graph, built in the context that the test runs in."""
    if is_compiled():
        gc.collect()  # there, a graph that waits for the collector may answer
    return ididi.graph.Graph()


@pytest.fixture
def default_scope(graph: Graph) -> SyncScope:
    """The very scope that ``Graph.__init__`` has made for *graph*."""
    scope: Any = ididi.graph._SCOPE_CONTEXT.get()
    return scope

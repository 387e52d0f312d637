"""What every behaviour test starts from: a graph and its default scope."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import ididi.graph
import pytest

from tests import shape

if TYPE_CHECKING:
    from ididi import Graph, SyncScope


@pytest.fixture
def graph() -> Graph:
    """A graph, built in the context that the test runs in."""
    # Graphs that earlier tests have left to the collector are gone first.
    gc.collect()
    return ididi.graph.Graph()


@pytest.fixture
def default_scope(graph: Graph) -> SyncScope:
    """The very scope that ``Graph.__init__`` has made for *graph*."""
    scope: Any = ididi.graph._SCOPE_CONTEXT.get()
    return scope


@pytest.fixture
def knows_graphs() -> bool:
    """Whether the classes of this release let a call know its graph."""
    return shape.has_mutable_classes()

"""The shape of the ididi that is installed."""

from __future__ import annotations

from contextvars import Context
from types import FunctionType

import ididi.graph
import pytest


def is_compiled() -> bool:
    """Tell whether methods leave no frame that tells which graph is asked."""
    return type(ididi.graph.Resolver.use_scope) is not FunctionType


def holds_default_scopes() -> bool:
    """Tell whether a graph holds its default scope, and not its thread pool."""
    graph = Context().run(lambda: ididi.graph.Graph(self_inject=False))
    return hasattr(graph._type_registry, "__dict__")


knows_graphs = pytest.mark.skipif(
    is_compiled(), reason="compiled methods don't tell which graph is asked"
)
"""Marks a test in which several graphs each answer for themselves."""

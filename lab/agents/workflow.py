"""A workflow of Temporal's, whose module is imported anew for each start of it."""

from __future__ import annotations

from contextvars import Context

from ididi import Graph
from temporalio import workflow

# As in a program whose author does not rely on the start-up file.
import ididi_scopefix

graph = Graph()
default_scope = Context().run(graph.use_scope)
STATE = ididi_scopefix.status().state


@workflow.defn
class Greeting:
    """Says what the shim is in the sandbox."""

    @workflow.run
    async def run(self) -> str:
        """Return the state."""
        return STATE

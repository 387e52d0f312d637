"""A workflow of Temporal's, whose module is imported anew for each start of it."""

from __future__ import annotations

from contextvars import Context

from ididi import Graph
from temporalio import workflow

# As in a program whose author does not rely on the start-up file.
import ididi_scopefix

# In a sandbox that is not patched, the import of this module fails here.
graph = Graph()
default_scope = Context().run(graph.use_scope)
assert ididi_scopefix.status().state == "active"


@workflow.defn
class Greeting:
    """Greets."""

    @workflow.run
    async def run(self) -> str:
        """Return the greeting."""
        return "hello"

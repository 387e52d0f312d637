"""Makes a call that the fallback answers."""

from contextvars import Context

from ididi import Graph


def work() -> None:
    graph.use_scope()


graph = Graph()
Context().run(work)

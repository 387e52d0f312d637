"""What runs in the middle of a call and uses another graph changes no answer."""

import sys
from contextvars import Context
from typing import TYPE_CHECKING, Any

import pytest
from ididi import Graph

import ididi_scopefix
from tests import contexts
from tests.shape import knows_graphs

if TYPE_CHECKING:
    from types import FrameType


def use(graph: Any) -> None:
    """Make calls on *graph* in the context that is current."""
    assert graph.use_scope()._type_registry is graph._type_registry
    with graph.scope() as scope:
        scope.use_scope()


def use_here_and_elsewhere(graph: Any) -> None:
    """Make calls as a handler does, where another graph's scope may be open."""
    with graph.scope() as scope:
        assert graph.use_scope() is scope
    graph.use_scope()
    Context().run(use, graph)


@knows_graphs
@pytest.mark.parametrize("switch", ["1", "verbose"])
@pytest.mark.child(env={"IDIDI_SCOPEFIX": "{switch}"}, err=None)
def test_a_log_handler_uses_a_graph_of_its_own(switch: str) -> None:
    """It is called during the first need, and sends the record with a service."""
    import logging
    from contextvars import Context, copy_context

    from ididi import Graph

    class Handler(logging.Handler):
        def emit(self, record):
            records.append(record.getMessage())
            found = infra.use_scope()
            assert found._type_registry is infra._type_registry
            with infra.scope() as scope:
                assert scope.pre is found

    records = []
    infra, app = Graph(), Graph()
    logging.basicConfig(level=logging.INFO, handlers=[Handler()])

    def request():
        return app.use_scope()._type_registry is app._type_registry

    def requests():
        return [request(), copy_context().run(request), request()]

    assert Context().run(requests) == [True, True, True]
    assert len(records) == 1


@knows_graphs
@pytest.mark.parametrize("late", [False, True])
def test_another_graph_is_used_at_every_line_of_the_shim(late: bool) -> None:
    """Handlers, finalizers and threads can run wherever the tracer does."""
    if late:
        ididi_scopefix.deactivate()
    app, infra = Context().run(Graph), Context().run(Graph)
    ididi_scopefix.activate()
    lines = set()

    def trace(frame: "FrameType", event: str, _: object) -> Any:
        if not frame.f_globals.get("__name__", "").startswith("ididi_scopefix"):
            return None
        lines.add((frame.f_code.co_name, frame.f_lineno))
        use_here_and_elsewhere(infra)
        other.append(contexts.in_new_thread(infra.use_scope))
        return trace

    def request() -> None:
        assert app.use_scope()._type_registry is app._type_registry
        with app.scope() as scope:
            assert scope.pre._type_registry is app._type_registry

    other: list[Any] = []
    previous = sys.gettrace()
    context = Context()
    sys.settrace(trace)
    try:
        context.run(request)
    finally:
        sys.settrace(previous)
    assert len(lines) > 5
    assert {id(scope._type_registry) for scope in other} == {id(infra._type_registry)}
    assert len(context) == 0

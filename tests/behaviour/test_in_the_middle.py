"""In the middle of a call others use their graphs, and exceptions arrive."""

import random
import signal
import sys
from contextvars import Context
from typing import TYPE_CHECKING, Any

import pytest
from ididi import Graph

import ididi_scopefix
from tests import contexts
from tests.pythons import collect
from tests.shape import is_compiled, knows_graphs

if TYPE_CHECKING:
    from types import FrameType

LIMITS = 100


def use_here_and_elsewhere(graph: Any) -> None:
    """Make calls as a handler does, where another graph's scope may be open."""
    with graph.scope() as scope:
        assert graph.use_scope() is scope
    graph.use_scope()
    found = Context().run(graph.use_scope)
    assert found._type_registry is graph._type_registry


@knows_graphs
@pytest.mark.shim
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
@pytest.mark.shim
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


class TimeLimitError(Exception):
    """What a signal handler raises, as Celery's does."""


@pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="there are no interval timers here"
)
def test_a_time_limit_by_signal_ends_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the loop is doing, the limit arrives, and each graph still answers."""
    is_due = False

    def handler(*_: object) -> None:
        nonlocal is_due
        if is_due:  # once; the timer goes on until it is stopped
            is_due = False
            raise TimeLimitError

    def step() -> None:
        with graph.scope("outer"), graph.scope("inner"):
            Context().run(graph.use_scope)
        Context().run(Context().run(Graph).use_scope)

    graph, other = Context().run(Graph), Context().run(Graph)
    passed = 0
    # Python loses what is raised in a finalizer, in plain ididi too. pytest's hook for
    # that is a long function, which the next limit would interrupt.
    lost_elsewhere = LIMITS // 10
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: None)
    previous = signal.signal(signal.SIGALRM, handler)
    try:
        for _ in range(LIMITS):
            first = random.uniform(0.0002, 0.002)
            try:
                is_due = True
                signal.setitimer(signal.ITIMER_REAL, first, 0.005)
                while is_due:
                    Context().run(step)
            except TimeLimitError:
                passed += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
        collect()  # what was interrupted while it was entered

    assert passed >= LIMITS - lost_elsewhere
    for each in (graph, other):
        default = Context().run(each.use_scope)
        assert contexts.in_new_thread(each.use_scope) is default
        assert is_compiled() or default._type_registry is each._type_registry

"""What runs in the middle of a call and uses another graph changes no answer."""

import gc
import logging
import signal
import sys
import threading
from contextvars import Context
from typing import TYPE_CHECKING, Any

import pytest
from ididi import Graph

import ididi_scopefix
from tests import contexts
from tests.pythons import counts_references
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
@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="about POSIX's signals")
def test_a_signal_handler_uses_a_graph_of_its_own() -> None:
    """It is called between any two steps of a call, in the same context."""
    app, infra = Context().run(Graph), Context().run(Graph)
    handled = []

    def handler(*_: object) -> None:
        try:
            use_here_and_elsewhere(infra)
        except BaseException as error:  # it could be lost where it arrives
            wrong.append(error)
        handled.append(True)

    def send() -> None:
        for _ in range(200):
            signal.pthread_kill(main, signal.SIGALRM)

    wrong: list[BaseException] = []
    main = threading.main_thread().ident or 0
    previous = signal.signal(signal.SIGALRM, handler)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    sender = threading.Thread(target=send)
    try:
        sender.start()
        while sender.is_alive() or not handled:
            Context().run(use, app)
    finally:
        sender.join()
        sys.setswitchinterval(interval)
        signal.signal(signal.SIGALRM, previous)
    assert wrong == []


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


@knows_graphs
@counts_references
def test_a_finalizer_uses_a_graph_of_its_own() -> None:
    """The collector calls it in the middle of a call that makes something."""
    app, infra = Context().run(Graph), Context().run(Graph)
    finalized = []

    class Session:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            use_here_and_elsewhere(infra)
            finalized.append(True)

    thresholds = gc.get_threshold()
    gc.set_threshold(10)
    try:
        while len(finalized) < 50:
            Session()
            Context().run(use, app)
    finally:
        gc.set_threshold(*thresholds)
        gc.collect()  # leaves no session to what comes later


def test_a_handler_uses_the_graph_that_is_asked(
    graph: Graph, default_scope: Any
) -> None:
    """Its own need is not another first one, here and in another thread."""

    class Sending(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(Context().run(graph.use_scope))
            found.append(contexts.in_new_thread(graph.use_scope))

    logger = logging.getLogger("ididi_scopefix")
    handler = Sending()
    found: list[Any] = []
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        for _ in range(2):
            assert contexts.in_new_thread(graph.use_scope) is default_scope
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
    assert all(scope is default_scope for scope in found)

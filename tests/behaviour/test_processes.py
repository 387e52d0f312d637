"""Forks, ends of interpreters, and calls that no code of Python makes."""

import os
import sys
from contextvars import Context

import pytest
from ididi import Graph

from tests.pythons import IS_FREE_THREADED, IS_PYPY
from tests.shape import knows_graphs

forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork()")


@pytest.mark.shim
@pytest.mark.child(env={"IDIDI_SCOPEFIX": "verbose"}, err=None)
def test_a_call_from_c_has_no_frame_below_it() -> None:
    """The first function of a thread is called by nobody, and so may be Graph()."""
    import _thread
    import sys
    import threading
    import weakref
    from contextvars import Context
    from functools import partial

    from ididi import Graph

    import ididi_scopefix
    from tests.pythons import collect
    from tests.serving import polled
    from tests.shape import is_compiled

    errors = []
    sys.unraisablehook = errors.append
    graph = Context().run(Graph)
    for function in (graph.use_scope, Graph, graph.use_scope):
        ended = threading.Event()
        called = partial(function)
        # The thread lets go of what it has called when all is done.
        weakref.finalize(called, ended.set)
        Context().run(_thread.start_new_thread, called, ())
        del called
        for _ in polled(30):
            collect()
            if ended.is_set():
                break
        assert ended.is_set()
    assert errors == []
    (caller,) = ididi_scopefix.status().callers
    assert (caller.file, caller.line, caller.function) == ("?", 0, "?")
    assert caller.call == ("a scope call" if is_compiled() else "Graph.use_scope()")
    assert caller.count == 2


@pytest.mark.shim
@forks
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_in_the_middle_of_a_call_waits_for_nothing(graph: Graph) -> None:
    """There is no lock that the worker could get locked."""
    default = Context().run(graph.use_scope)
    workers = []

    def trace(frame, event, _):  # type: ignore[no-untyped-def]
        if not frame.f_globals.get("__name__", "").startswith("ididi_scopefix"):
            return None
        if len(workers) < 10:
            sys.settrace(None)
            worker = os.fork()
            if not worker:
                answered = Context().run(graph.use_scope) is default
                os._exit(0 if answered else 1)
            workers.append(worker)
            sys.settrace(trace)
        return trace

    previous = sys.gettrace()
    sys.settrace(trace)
    try:
        Context().run(graph.use_scope)
    finally:
        sys.settrace(previous)
    assert [os.waitpid(worker, 0)[1] for worker in workers] == [0] * len(workers)
    assert workers


@pytest.mark.skipif(
    IS_PYPY, reason="PyPy calls no finalizers when the interpreter ends"
)
@pytest.mark.skipif(
    IS_FREE_THREADED, reason="Python without the GIL has cleared ididi by then"
)
@knows_graphs
@pytest.mark.parametrize("switch", ["1", "verbose"])
@pytest.mark.parametrize("needed_before", [False, True])
@pytest.mark.child(env={"IDIDI_SCOPEFIX": "{switch}"}, out="last True True\n", err=None)
def test_a_finalizer_at_exit_uses_its_graph(switch: str, needed_before: bool) -> None:
    """It runs when Python has cleared the modules that were still referred to."""
    import contextlib
    import contextvars

    import ididi

    class Session:
        def __init__(self):
            self.graph = contextvars.Context().run(ididi.Graph)
            self.run = contextvars.Context().run

        def use(self):
            with self.graph.scope("last") as scope:
                found = self.graph.use_scope() is scope
            named = self.graph.use_scope().name == "__ididi_default_scope__"
            print(scope.name, found, named)

        def __del__(self):
            self.run(self.use)

    # Python clears modules in the reverse order of their imports: this one later
    # than ididi, and sooner than what ididi needs.
    assert contextlib
    contextvars.session = Session()
    if needed_before:
        contextvars.session.run(contextvars.session.graph.use_scope)


@forks
@pytest.mark.shim
@pytest.mark.child(env={"IDIDI_SCOPEFIX": "verbose"})
def test_a_forked_worker_speaks_for_itself() -> None:
    """It has a first need of its own, and its own counts, lines and log record."""
    from tests.behaviour.lines import listen

    lines = listen()
    import logging.handlers
    import os
    from contextvars import Context

    import ididi

    import ididi_scopefix

    kept = logging.handlers.BufferingHandler(100)
    logging.basicConfig(level=logging.INFO, handlers=[kept])
    graph = Context().run(ididi.Graph)
    Context().run(graph.use_scope)
    before = lines()
    assert len(before) == 2
    worker = os.fork()
    if not worker:
        lines = listen()
        status = ididi_scopefix.status()
        assert (status.fallbacks, status.callers) == (0, ())
        for _ in range(10):
            Context().run(graph.use_scope)
        (caller,) = ididi_scopefix.status().callers
        assert caller.count == 10
        active, first, ten = lines()
        assert active == before[0]
        assert first.startswith("first need: ")
        assert ten.startswith("10 calls answered: 10 ")
        assert f"(pid {os.getpid()}," in kept.buffer[1].getMessage()
        os._exit(0)
    assert os.waitpid(worker, 0)[1] == 0
    assert ididi_scopefix.status().fallbacks == len(kept.buffer) == 1
    assert lines() == before

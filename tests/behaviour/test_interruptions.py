"""Exceptions from outside pass through every call, and do no harm."""

import collections
import ctypes
import logging
import random
import signal
import sys
import threading
from collections.abc import Iterator
from contextvars import Context
from typing import Any, Callable

import pytest
from ididi import Graph

import ididi_scopefix
from tests import contexts
from tests.pythons import IS_PYPY, collect
from tests.shape import is_compiled

LIMITS = 60


@pytest.fixture(autouse=True)
def _ignore_what_was_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is interrupted while it is entered is left to the collector.

    It is so in plain ididi. Its errors are expected, and pytest's hook for them is a
    long function, which the next time limit would interrupt.
    """
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: None)
    yield
    collect()


interval_timers = pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="there are no interval timers here"
)


class TimeLimitError(Exception):
    """What a signal handler or another thread raises, as Celery and stopit do."""


def assert_graphs_answer(*graphs: Any) -> None:
    """Expect that each graph has its own default scope, here and elsewhere."""
    for graph in graphs:
        for call in (contexts.in_empty_context, contexts.in_new_thread):
            found = call(graph.use_scope)
            assert is_compiled() or found._type_registry is graph._type_registry


def ask_in_an_empty_context(graph: Any) -> None:
    Context().run(graph.use_scope)


def open_in_an_empty_context(graph: Any) -> None:
    def request() -> None:
        with graph.scope("outer"), graph.scope("inner"):
            graph.use_scope()

    Context().run(request)


def build_and_drop(graph: Any) -> None:
    Context().run(Context().run(Graph).use_scope)


def ask_where_it_was_built(graph: Any) -> None:
    def build() -> None:
        built = Graph()
        for _ in range(100):
            built.use_scope()
        Context().run(graph.use_scope)

    Context().run(build)


@interval_timers
@pytest.mark.parametrize(
    "step",
    [
        ask_in_an_empty_context,
        open_in_an_empty_context,
        build_and_drop,
        ask_where_it_was_built,
    ],
)
def test_a_time_limit_by_signal_ends_a_loop(
    step: Callable[[Any], None], caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the loop is doing, the limit arrives as it was raised."""
    is_due = False

    def handler(*_: object) -> None:
        nonlocal is_due
        if is_due:  # once; the timer goes on until it is stopped
            is_due = False
            raise TimeLimitError

    graph, other = Context().run(Graph), Context().run(Graph)
    seen: collections.Counter[str] = collections.Counter()
    # What is raised in a finalizer or callback is lost, in plain ididi too.
    lost_elsewhere = LIMITS // 10
    previous = signal.signal(signal.SIGALRM, handler)
    try:
        for _ in range(LIMITS):
            first = random.uniform(0.0002, 0.002)
            try:
                is_due = True
                signal.setitimer(signal.ITIMER_REAL, first, 0.005)
                while is_due:
                    step(graph)
                seen["lost"] += 1
            except TimeLimitError:
                seen["passed"] += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)

    assert seen["passed"] >= LIMITS - lost_elsewhere, seen
    assert [each for each in caplog.records if each.levelno > logging.INFO] == []
    assert_graphs_answer(graph, other)


@pytest.mark.skipif(IS_PYPY, reason="PyPy has no PyThreadState_SetAsyncExc of ctypes")
@pytest.mark.parametrize("step", [ask_in_an_empty_context, open_in_an_empty_context])
def test_an_exception_set_by_another_thread_ends_a_loop(
    step: Callable[[Any], None],
) -> None:
    """This is how stopit limits the time of code in threads."""
    graph, other = Context().run(Graph), Context().run(Graph)
    passed: list[type[BaseException]] = []

    def loop() -> None:
        try:
            step(graph)
            began.set()
            while True:
                step(graph)
        except BaseException as error:
            passed.append(type(error))

    assert_graphs_answer(graph, other)
    for _ in range(20):
        began = threading.Event()
        thread = threading.Thread(target=loop)
        Context().run(thread.start)
        began.wait(60)
        identifier = ctypes.c_ulong(thread.ident or 0)
        limit = ctypes.py_object(TimeLimitError)
        while thread.is_alive():  # what is lost in a finalizer is set once more
            ctypes.pythonapi.PyThreadState_SetAsyncExc(identifier, limit)
            thread.join(1)
        assert passed.pop() is TimeLimitError

    assert_graphs_answer(graph, other)


@pytest.mark.child(env={"IDIDI_SCOPEFIX": "verbose"}, err=None)
@pytest.mark.shim
def test_an_interrupt_while_the_first_need_is_logged_passes() -> None:
    """The next call is answered, and is logged no more."""
    import logging
    from contextvars import Context

    from ididi import Graph

    import ididi_scopefix

    class Interrupted(logging.Handler):
        def emit(self, record):
            raise KeyboardInterrupt

    logging.basicConfig(level=logging.INFO, handlers=[Interrupted()])
    graph, other = Context().run(Graph), Context().run(Graph)
    interrupted = False
    try:
        Context().run(graph.use_scope)
    except KeyboardInterrupt:
        interrupted = True
    assert interrupted
    for each in (graph, other):
        Context().run(each.use_scope)
    assert ididi_scopefix.status().fallbacks == 3


def test_an_error_of_the_shim_s_is_not_hidden(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the shim is asked ididi would have raised: it catches nothing there."""
    if is_compiled():
        pytest.skip("what compiled classes do can't be changed")

    def fail(self: Any, *args: Any, **kwargs: Any) -> Any:
        raise TimeLimitError

    ididi_scopefix.deactivate()
    late = Context().run(Graph)
    ididi_scopefix.activate()
    monkeypatch.setattr("ididi.graph.Resolver._create_scope", fail)
    with pytest.raises(TimeLimitError):
        Context().run(late.use_scope)
    monkeypatch.undo()
    assert_graphs_answer(late, graph)

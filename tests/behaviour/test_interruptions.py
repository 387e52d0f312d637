"""Exceptions from outside pass through every call, and do no harm."""

import collections
import random
import signal
import sys
from collections.abc import Iterator
from contextvars import Context
from typing import Any, Callable

import pytest
from ididi import Graph

from tests import contexts
from tests.pythons import collect
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


class TimeLimitError(Exception):
    """What a signal handler raises, as Celery's does."""


def ask_in_an_empty_context(graph: Any) -> None:
    Context().run(graph.use_scope)


def open_in_an_empty_context(graph: Any) -> None:
    def request() -> None:
        with graph.scope("outer"), graph.scope("inner"):
            graph.use_scope()

    Context().run(request)


def build_and_drop(graph: Any) -> None:
    Context().run(Context().run(Graph).use_scope)


@pytest.mark.skipif(
    not hasattr(signal, "setitimer"), reason="there are no interval timers here"
)
@pytest.mark.parametrize(
    "step", [ask_in_an_empty_context, open_in_an_empty_context, build_and_drop]
)
def test_a_time_limit_by_signal_ends_a_loop(step: Callable[[Any], None]) -> None:
    """Whatever the loop is doing, the limit arrives, and each graph still answers."""
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
    for each in (graph, other):
        default = Context().run(each.use_scope)
        assert contexts.in_new_thread(each.use_scope) is default
        assert is_compiled() or default._type_registry is each._type_registry


@pytest.mark.child(env={"IDIDI_SCOPEFIX": "verbose"}, err=None)
@pytest.mark.shim
def test_an_interrupt_while_the_first_need_is_logged_passes() -> None:
    """The context is empty again; the next call is answered, and logged no more."""
    import logging
    from contextvars import Context

    from ididi import Graph

    import ididi_scopefix

    class Interrupted(logging.Handler):
        def emit(self, record):
            raise KeyboardInterrupt

    logging.basicConfig(level=logging.INFO, handlers=[Interrupted()])
    graph, other = Context().run(Graph), Context().run(Graph)
    context, interrupted = Context(), False
    try:
        context.run(graph.use_scope)
    except KeyboardInterrupt:
        interrupted = True
    assert interrupted
    for each in (graph, other):
        context.run(each.use_scope)
    assert len(context) == 0
    assert ididi_scopefix.status().fallbacks == 3

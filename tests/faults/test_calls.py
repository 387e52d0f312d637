"""An exception that is raised at any bytecode of a call passes, and does no harm."""

from __future__ import annotations

import asyncio
import sys
from contextvars import Context
from typing import TYPE_CHECKING, Any, Callable

import pytest
from ididi import Graph

import ididi_scopefix
from tests import contexts
from tests.pythons import IS_PYPY, collect
from tests.shape import is_compiled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

pytestmark = [
    pytest.mark.skipif(IS_PYPY, reason="PyPy's tracer has no events of bytecodes"),
    # What is interrupted while it is entered is left to the collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(autouse=True)
def _collect_what_was_left() -> Iterator[None]:
    """What was interrupted ends here, where its errors are expected."""
    yield
    collect()


class InjectedError(Exception):
    """What a signal handler would raise."""


def injected(
    call: Callable[[], object], before: Callable[[], object] = int
) -> list[str]:
    """Run *call* until no bytecode of the package is left to raise in; tell each end.

    Each time the exception is raised one bytecode later.
    """
    ends: list[str] = []
    while True:
        before()
        left = len(ends)
        is_raised = False

        def trace(frame: FrameType, event: str, _: object) -> Any:
            nonlocal left, is_raised
            if not frame.f_globals.get("__name__", "").startswith("ididi_scopefix"):
                return None
            frame.f_trace_opcodes = True
            if event == "opcode" and not is_raised:
                left -= 1
                if left < 0:
                    is_raised = True
                    raise InjectedError
            return trace

        previous = sys.gettrace()
        # Python 3.12 has such events if a frame wants them when tracing begins.
        sys._getframe().f_trace_opcodes = True
        sys.settrace(trace)
        try:
            call()
            end = "lost" if is_raised else "no more"
        except InjectedError:
            end = "passed"
        finally:
            sys.settrace(previous)
        if end == "no more":
            return ends
        ends.append(end)


def assert_answers(*graphs: Any) -> None:
    """Expect that each graph has its own scope, everywhere and always the same."""
    for graph in graphs:
        default = Context().run(graph.use_scope)
        assert contexts.in_new_thread(graph.use_scope) is default
        assert is_compiled() or default._type_registry is graph._type_registry


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("name", ["use_scope", "scope", "ascope"])
def test_an_exception_passes_at_any_bytecode_of_a_call(name: str, late: bool) -> None:
    """Afterwards each graph answers for itself, and contexts are empty."""

    def build() -> None:
        nonlocal graph
        if late:
            ididi_scopefix.deactivate()
        graph = Context().run(Graph)
        ididi_scopefix.activate()

    def request() -> None:
        if name == "use_scope":
            graph.use_scope()
        else:
            with graph.scope():
                pass

    def call() -> None:
        context = Context()
        try:
            if name == "ascope":
                context.run(asyncio.run, arequest())
            else:
                context.run(request)
        finally:
            used.append(context)

    async def arequest() -> None:
        async with graph.ascope():
            pass

    graph: Any = None
    used: list[Context] = []
    other = Context().run(Graph)
    ends = injected(call, before=build)

    assert len(ends) > 20
    assert set(ends) == {"passed"}
    assert_answers(graph, other)
    assert {len(context) for context in used if name == "use_scope"} <= {0}


def test_an_exception_passes_at_any_bytecode_of_a_build() -> None:
    """A graph that was not built whole is none; the others answer."""
    other = Context().run(Graph)
    ends = injected(lambda: Context().run(Graph))
    assert len(ends) > 20
    assert set(ends) == {"passed"}
    assert_answers(other, Context().run(Graph))


@pytest.mark.shim
@pytest.mark.parametrize("first", ["activate", "deactivate"])
def test_an_exception_passes_at_any_bytecode_of_a_switch(
    first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next ``activate()`` and ``deactivate()`` do what they say."""
    closed: list[str] = []

    def note(lost: sys.UnraisableHookArgs) -> None:
        # From Python 3.14 on it is the message that names the object.
        closed.append(f"{lost.err_msg} {lost.object}")

    monkeypatch.setattr(sys, "unraisablehook", note)
    graph = Context().run(Graph)

    def opposite() -> None:
        getattr(ididi_scopefix, switches[1])()

    switches = (first, "deactivate" if first == "activate" else "activate")
    ends = injected(getattr(ididi_scopefix, first), before=opposite)

    # Python loses what is raised while it closes a generator that was left early.
    assert [each for each in closed if "<generator object" not in each] == []
    assert ends.count("lost") == len(closed) < 10
    assert ends.count("passed") > 100
    ididi_scopefix.deactivate()
    with pytest.raises(LookupError):
        Context().run(graph.use_scope)
    assert ididi_scopefix.activate().state == "active"
    assert_answers(graph)


@pytest.mark.shim
@pytest.mark.child(env={"IDIDI_SCOPEFIX": "verbose"}, err=None)
def test_an_exception_passes_while_a_call_is_reported() -> None:
    """The next first need is the next call's, and no count is lost."""
    from contextvars import Context

    from ididi import Graph

    import ididi_scopefix
    from ididi_scopefix import _log
    from tests.faults.test_calls import injected

    graph = Context().run(Graph)
    # Each call is the first one again, and so each is reported.
    ends = injected(lambda: Context().run(graph.use_scope), before=_log._forked)
    assert len(ends) > 100
    assert set(ends) == {"passed"}
    assert Context().run(graph.use_scope)
    assert ididi_scopefix.status().fallbacks == 2

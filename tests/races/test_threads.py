"""Many threads at the same time, and a shim that comes and goes.

On builds of Python without the GIL they run at once, on others they switch often. The
number of steps is bounded, and every count is exact.
"""

from __future__ import annotations

from contextvars import Context
from typing import Any

import ididi.graph
import pytest
from ididi import Graph
from ididi.config import DefaultScopeName

import ididi_scopefix
from tests.pythons import IS_FREE_THREADED, IS_PYPY, SYMPTOM
from tests.races.threads import run_at_once
from tests.shape import is_compiled

THREADS = 8
STEPS = 300


@pytest.mark.skipif(not IS_FREE_THREADED, reason="this build of Python has a GIL")
@pytest.mark.shim
@pytest.mark.child
def test_nothing_brings_the_gil_back() -> None:
    """Python turns it on for an extension module that does not know it can be off."""
    import sys

    assert not sys._is_gil_enabled(), "the GIL is on before anything is imported"
    import ididi  # noqa: F401

    import ididi_scopefix

    assert ididi_scopefix.status().state == "active", ididi_scopefix.status()
    assert not sys._is_gil_enabled()


@pytest.mark.shim
def test_every_call_of_every_thread_is_counted() -> None:
    """None is lost and none is counted twice, and one default scope answers."""
    graph = Context().run(Graph)
    default_scope = Context().run(graph.use_scope)
    before = ididi_scopefix.status().fallbacks

    def work() -> bool:
        found = [Context().run(graph.use_scope) for _ in range(STEPS)]
        return all(scope is default_scope for scope in found)

    assert run_at_once(*[work] * THREADS) == [True] * THREADS
    assert ididi_scopefix.status().fallbacks - before == THREADS * STEPS


@pytest.mark.parametrize("shared", [True, False], ids=["one", "many"])
def test_scopes_of_threads_do_not_meet(shared: bool) -> None:
    """They belong to one graph, or to graphs that other threads build meanwhile."""
    only = Context().run(Graph)

    def request(graph: Graph, name: str) -> None:
        with graph.scope(name) as scope:
            default_scope = graph.use_scope(DefaultScopeName)
            assert graph.use_scope(name) is scope
            assert scope.pre is default_scope
        # Compiled methods answer with the graph built last, by any thread.
        if shared or not is_compiled():
            assert graph.use_scope() is default_scope
            assert default_scope._type_registry is graph._type_registry

    def work(number: int) -> None:
        for step in range(STEPS):
            graph = only if shared else Context().run(Graph)
            Context().run(request, graph, f"{number}-{step}")

    run_at_once(*[lambda number=number: work(number) for number in range(THREADS)])


def test_threads_that_need_late_graphs_agree_on_each_scope() -> None:
    """The graphs were built while the shim was off."""
    ididi_scopefix.deactivate()
    graphs = [Context().run(Graph) for _ in range(STEPS)]
    ididi_scopefix.activate()

    def work() -> list[Any]:
        return [Context().run(graph.use_scope) for graph in graphs]

    for scopes in zip(*run_at_once(*[work] * THREADS)):
        assert len({id(scope) for scope in scopes}) == 1


@pytest.mark.shim
def test_threads_that_activate_at_once_replace_one_name() -> None:
    """One deactivation puts back what ididi has written."""
    ididi_scopefix.deactivate()
    before = dict(vars(ididi.graph))
    for _ in range(20):
        states = run_at_once(*[ididi_scopefix.activate] * 6)
        assert {each.state for each in states} == {"active"}
        ididi_scopefix.deactivate()
        assert dict(vars(ididi.graph)) == before


def test_scopes_work_while_threads_switch_the_shim() -> None:
    """A scope either opens as with the shim or fails as without it."""
    graph = Context().run(Graph)
    running = [True] * 4

    def serve() -> None:
        while running:
            try:
                Context().run(request)
            except LookupError as error:
                assert str(error).startswith(SYMPTOM)

    def request() -> None:
        with graph.scope("request") as scope:
            assert graph.use_scope("request") is scope

    def switch(first: Any, second: Any) -> None:
        try:
            for _ in range(10 if IS_PYPY else 30):  # PyPy takes ten times as long
                first()
                second()
        finally:
            running.pop()

    on, off = ididi_scopefix.activate, ididi_scopefix.deactivate
    pairs = [(off, on), (off, on), (on, on), (off, off)]
    switches = [lambda pair=pair: switch(*pair) for pair in pairs]
    off()
    before = dict(vars(ididi.graph))
    run_at_once(serve, serve, *switches)
    assert on().state == "active"
    assert Context().run(graph.use_scope).name == DefaultScopeName
    off()
    assert dict(vars(ididi.graph)) == before


@pytest.mark.shim
@pytest.mark.child(env={"IDIDI_SCOPEFIX": "verbose"}, err=None)
def test_verbose_lines_of_many_threads_are_whole() -> None:
    """No line is torn, each caller is told once, and the totals are right."""
    import os
    from contextvars import Context
    from pathlib import Path

    from ididi import Graph

    import ididi_scopefix
    from tests.races.threads import run_at_once

    def first():
        graph.use_scope()

    def second():
        graph.use_scope()

    def work():
        for _ in range(125):
            Context().run(first)
            Context().run(second)

    def read():
        for _ in range(50):
            counted = sum(each.count for each in ididi_scopefix.status().callers)
            assert counted <= 2000

    graph = Context().run(Graph)
    written = os.open("stderr.txt", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    os.dup2(written, 2)
    run_at_once(read, *[work] * 8)
    status = ididi_scopefix.status()
    assert status.fallbacks == 2000
    counts = {each.function: each.count for each in status.callers}
    assert counts == {"first": 1000, "second": 1000}
    lines = Path("stderr.txt").read_text(encoding="utf-8").splitlines()
    assert all(line.startswith("ididi-scopefix[") for line in lines), lines
    assert len([line for line in lines if ": first need: " in line]) == 1
    assert len([line for line in lines if ": also needed: " in line]) == 1
    rounds = [line.split()[1] for line in lines if "calls answered" in line]
    assert sorted(rounds) == ["1,000", "10", "100"]

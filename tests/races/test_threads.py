"""Many threads, one graph, and a shim that comes and goes."""

from __future__ import annotations

import asyncio
import threading
from contextvars import Context
from typing import Any

import ididi.graph
import pytest
from ididi import Graph
from ididi.config import DefaultScopeName

import ididi_scopefix
from tests.pythons import IS_PYPY, SYMPTOM
from tests.races.threads import run_at_once

THREADS = 8


@pytest.mark.parametrize("_", range(10))
def test_threads_that_need_a_late_graph_agree_on_its_scope(_: int) -> None:
    """The graph was built before activation, and nobody has its default scope."""
    ididi_scopefix.deactivate()
    graph = Context().run(Graph)
    ididi_scopefix.activate()

    def work() -> Any:
        with graph.scope("request") as scope:
            assert scope.pre is graph.use_scope(DefaultScopeName)
        return graph.use_scope()

    first, *others = run_at_once(*[work] * THREADS)
    assert all(scope is first for scope in others)


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
    done = threading.Event()

    def serve() -> None:
        while not done.is_set():
            try:
                Context().run(request)
                Context().run(asyncio.run, async_request())
            except LookupError as error:
                assert str(error).startswith(SYMPTOM)

    def request() -> None:
        with graph.scope("request") as scope:
            assert graph.use_scope("request") is scope

    async def async_request() -> None:
        async with graph.ascope("request") as scope:
            assert graph.use_scope("request") is scope

    def switch(first: Any, second: Any) -> None:
        try:
            for _ in range(10 if IS_PYPY else 30):  # PyPy takes ten times as long
                first()
                second()
        finally:
            finished.append(True)
            if len(finished) == 4:
                done.set()

    on, off = ididi_scopefix.activate, ididi_scopefix.deactivate
    off()
    before = dict(vars(ididi.graph))
    finished: list[bool] = []
    run_at_once(
        serve,
        serve,
        lambda: switch(off, on),
        lambda: switch(off, on),
        lambda: switch(on, on),
        lambda: switch(off, off),
    )
    assert on().state == "active"
    assert Context().run(graph.use_scope).name == DefaultScopeName
    off()
    assert dict(vars(ididi.graph)) == before
    with pytest.raises(LookupError):
        Context().run(graph.use_scope)

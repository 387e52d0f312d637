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
from ididi.graph import Resolver

import ididi_scopefix
from tests import shape
from tests.races.threads import run_at_once

THREADS = 8


@pytest.mark.parametrize("_", range(20))
def test_threads_that_need_a_graph_at_once_share_one_default_scope(_: int) -> None:
    """The graph was built before activation: nobody has its default scope."""
    ididi_scopefix.deactivate()
    graph = Context().run(Graph)
    ididi_scopefix.activate()

    def work() -> Any:
        with graph.scope("request") as scope:
            assert scope.pre is graph.use_scope(DefaultScopeName)
        return graph.use_scope()

    first, *others = run_at_once(*[work] * THREADS)
    assert all(scope is first for scope in others)


def test_scopes_keep_working_while_threads_activate_and_deactivate() -> None:
    """A scope either opens as with the shim or fails as without it."""
    graph = Context().run(Graph)
    done = threading.Event()

    def serve() -> int:
        opened = 0
        while not done.is_set():
            try:
                Context().run(request)
                Context().run(asyncio.run, async_request())
                opened += 1
            except LookupError as error:
                assert "idid_scope_ctx" in str(error)
        return opened

    def request() -> None:
        with graph.scope("request") as scope:
            assert graph.use_scope("request") is scope

    async def async_request() -> None:
        async with graph.ascope("request") as scope:
            assert graph.use_scope("request") is scope

    def switch(first: Any, second: Any) -> None:
        try:
            for _ in range(30):
                first()
                second()
        finally:
            finished.append(True)
            if len(finished) == 4:
                done.set()

    on, off = ididi_scopefix.activate, ididi_scopefix.deactivate
    off()
    before = [dict(vars(each)) for each in (ididi.graph, Resolver, Graph)]
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
    after = [dict(vars(each)) for each in (ididi.graph, Resolver, Graph)]
    assert after == before
    with pytest.raises(LookupError):
        Context().run(graph.use_scope)


def call_while_probing(monkeypatch: pytest.MonkeyPatch, call: Any) -> None:
    """Have the graphs of the probe call *call* in another thread when they merge."""

    class Probed(Graph):
        def merge(self, other: Any) -> None:
            run_at_once(call)
            super().merge(other)

    monkeypatch.setattr(ididi.graph, "Graph", Probed)


def test_no_context_is_seeded_with_a_graph_of_the_probe(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another thread asks for a scope while a late activation is proved."""
    if not shape.has_mutable_classes():
        pytest.skip("compiled classes don't tell on which graph a call is made")
    ididi_scopefix.deactivate()
    graph = Context().run(Graph)
    thread = Context()
    seen: list[Any] = []

    def ask() -> None:
        try:
            seen.append(thread.run(graph.use_scope))
        except LookupError:
            seen.append(None)

    call_while_probing(monkeypatch, ask)
    assert ididi_scopefix.activate().state == "active"
    assert seen == [None]
    assert thread.run(graph.use_scope)._workers is graph._workers


def test_a_failing_patch_is_never_met_by_another_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The proof fails: others have seen plain ididi all the time."""
    ididi_scopefix.deactivate()
    graph = Context().run(Graph)
    resolver = ididi.graph.Resolver
    seen: list[Any] = []

    def ask() -> None:
        with pytest.raises(LookupError):
            Context().run(graph.use_scope)
        seen.append(ididi.graph.Resolver)
        raise ValueError("it does not help")

    call_while_probing(monkeypatch, ask)
    status = ididi_scopefix.activate()
    assert status.state == "failed"
    assert "it does not help" in status.reason
    assert seen == [resolver]
    with pytest.raises(LookupError):
        Context().run(graph.use_scope)


def test_a_graph_built_while_the_shim_was_off_does_not_change_the_order() -> None:
    """The graphs that were built before are known after a new activation."""
    graphs = [Context().run(Graph) for _ in range(3)]
    ididi_scopefix.deactivate()
    Context().run(ididi_scopefix.activate)
    newest = Context().run(graphs[-1].use_scope)
    assert newest._workers is graphs[-1]._workers

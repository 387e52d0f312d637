"""Many threads, one graph, and a shim that comes and goes."""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any

import ididi.graph
import pytest
from ididi import Graph
from ididi.config import DefaultScopeName
from ididi.graph import Resolver

import ididi_scopefix
from tests import shape
from tests.pythons import IS_PYPY, SYMPTOM, collect
from tests.races.threads import DEADLINE, run_at_once

if TYPE_CHECKING:
    from types import FrameType

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


@pytest.mark.shim
def test_threads_that_activate_at_once_replace_each_attribute_once() -> None:
    """One deactivation puts back what ididi has written."""
    ididi_scopefix.deactivate()
    owners = (Graph, Resolver, ididi.graph)
    before = [dict(vars(owner)) for owner in owners]
    for _ in range(20):
        states = run_at_once(*[ididi_scopefix.activate] * 6)
        assert {each.state for each in states} == {"active"}
        ididi_scopefix.deactivate()
        assert [dict(vars(owner)) for owner in owners] == before


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
                assert str(error).startswith(SYMPTOM)
        return opened

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


# A call may be that of a generator or coroutine that is closed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_whichever_call_of_the_activation_fails_no_other_thread_meets_half_a_patch() -> (
    None
):
    """It sees plain ididi until all is proved, and never a graph of the probe."""
    graph = Context().run(Graph)
    lasting = Context()
    folder = os.path.dirname(ididi_scopefix.__file__)
    knows_graphs = shape.has_mutable_classes()

    def is_plain() -> bool:
        try:
            for context in (lasting, Context()):
                scope: Any = context.run(graph.use_scope)
                # Compiled classes don't tell on which graph a call is made.
                assert not knows_graphs or scope._workers is graph._workers
        except LookupError:
            return True
        return False

    def activate(fails_at: int) -> list[bool]:
        """Return what another thread sees at each call, up to one that raises."""
        seen: list[bool] = []

        def on_call(frame: FrameType, event: str, _: object) -> None:
            if event == "call" and frame.f_code.co_filename.startswith(folder):
                seen.append(other.submit(is_plain).result(DEADLINE))
                if len(seen) == fails_at:
                    raise ValueError("injected")

        # Where no handler of ours is around, the program is told.
        with suppress(ValueError):
            sys.setprofile(on_call)
            ididi_scopefix.activate()
        sys.setprofile(None)
        return seen

    ididi_scopefix.deactivate()
    with ThreadPoolExecutor(max_workers=1) as other:
        for fails_at in itertools.count(1):
            seen = activate(fails_at)
            # Plain first, patched at the end, and nothing in between.
            assert seen == sorted(seen, reverse=True)
            is_active = ididi_scopefix.status().state == "active"
            assert other.submit(is_plain).result(DEADLINE) is not is_active
            ididi_scopefix.deactivate()
            assert other.submit(is_plain).result(DEADLINE)
            lasting = Context()
            if len(seen) < fails_at:
                break
    assert is_active
    assert fails_at > 20
    # What no call has ended ends here, where its errors are expected.
    collect()

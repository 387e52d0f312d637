"""Activating proves the patch, and neither graphs nor libraries notice."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import TYPE_CHECKING, Any

import ididi.graph
import pytest
from ididi import Graph
from ididi.config import DefaultScopeName
from ididi.graph import Resolver

import ididi_scopefix
from ididi_scopefix import _probe
from tests import shape

if TYPE_CHECKING:
    from types import CodeType, FrameType


@pytest.fixture
def inactive() -> None:
    """The shim switched off, for a test to switch it on."""
    ididi_scopefix.deactivate()


def default_scope_of(graph: Graph) -> Any:
    """Return the default scope of *graph*, as a context of its own sees it."""
    return Context().run(graph.use_scope)


@pytest.mark.usefixtures("inactive")
@pytest.mark.shim
def test_a_graph_that_is_built_during_the_proof_has_its_own_default_scope(
    knows_graphs: bool,
) -> None:
    """In another thread, whichever function the proof is in."""
    built: list[tuple[Graph, Any]] = []
    seen: set[tuple[CodeType, str]] = set()
    proof_begins = _probe.prove.__code__, "call"
    pool_is_made = ThreadPoolExecutor.__init__.__code__, "call"

    def build() -> tuple[Graph, Any]:
        return Graph(), ididi.graph._SCOPE_CONTEXT.get()

    def on_step(frame: FrameType, event: str, _: object) -> None:
        step = frame.f_code, event
        if step in seen or not (seen or step == proof_begins):
            return
        seen.add(step)
        # Where calls don't know their graph, the newest one answers: only one is
        # built, in the midst of one that the proof builds.
        if event in ("call", "return") and (knows_graphs or step == pool_is_made):
            built.append(other.submit(Context().run, build).result(60))

    with ThreadPoolExecutor(max_workers=1) as other:
        sys.setprofile(on_step)
        try:
            ididi_scopefix.activate()
        finally:
            sys.setprofile(None)
    assert {proof_begins, pool_is_made} <= seen
    assert built
    for graph, scope in built:
        assert default_scope_of(graph) is scope


@shape.methods_only
@pytest.mark.usefixtures("inactive")
@pytest.mark.shim
@pytest.mark.parametrize("name", ["scope", "ascope", "use_scope", "__init__"])
def test_the_proof_calls_no_function_of_another_library(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would count the calls as the program's, and counts only those."""
    calls: list[str] = []
    owner: Any = Graph if name == "__init__" else Resolver
    method = vars(owner)[name]

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        return method(self, *args, **kwargs)

    monkeypatch.setattr(owner, name, counted)
    assert ididi_scopefix.activate().state == "active"
    assert calls == []

    graph = Context().run(Graph)
    assert default_scope_of(graph).name == DefaultScopeName
    assert calls == ([name] if name in ("__init__", "use_scope") else [])
    ididi_scopefix.deactivate()

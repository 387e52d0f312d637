"""Activating proves the patch and stores default scopes: no graph notices."""

from __future__ import annotations

import asyncio
import gc
import sys
import weakref
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
from tests import children, shape
from tests.pythons import collect, frees_functions
from tests.races.threads import run_at_once

if TYPE_CHECKING:
    from types import CodeType, FrameType

compiled_only = pytest.mark.skipif(
    shape.has_mutable_classes(), reason="calls tell on which graph they are made"
)


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


LISTEN = f"""{children.LISTEN}
from contextvars import Context
import ididi_scopefix, ididi
from ididi import Graph
"""

CLOSED = f"""{LISTEN}
class Closed(Graph):
    def __getattr__(self, name):
        raise KeyError(name)

    def __setattr__(self, name, value):
        if "scopefix" in name:
            raise RuntimeError("nobody puts anything into this one")
        super().__setattr__(name, value)
"""


def test_a_graph_need_not_let_its_default_scope_be_stored() -> None:
    """What a subclass makes of attributes is for the program, and is not asked."""
    children.run(
        CLOSED
        + """
def build():
    graph = Closed()
    return graph, graph.use_scope()

built = [Context().run(build) for _ in range(2)]
for graph, default in built:
    assert Context().run(ididi_scopefix.seed, graph) is default
assert Context().run(graph.use_scope) is default
ididi_scopefix.deactivate()
graph = Closed()
ididi_scopefix.activate()
default = graph.use_scope()
assert Context().run(ididi_scopefix.seed, graph) is default
late, _ = Context().run(build)
assert Context().run(late.use_scope) is Context().run(ididi_scopefix.seed, late)
assert warnings == [], warnings
"""
    )


@pytest.mark.shim
def test_an_error_of_the_shim_breaks_no_graph() -> None:
    """It costs one warning, and what is asked of the graph is as in plain ididi."""
    children.run(
        LISTEN
        + """
from unittest import mock
from ididi_scopefix import _seeding

def build():
    for graph in [Graph() for _ in range(3)]:
        assert graph.use_scope().name == "__ididi_default_scope__"
        with graph.scope("request") as scope:
            assert graph.use_scope("request") is scope

with mock.patch.object(_seeding, "store_new", side_effect=RuntimeError):
    Context().run(build)
(warning,) = warnings
assert warning.startswith("could not store the default scope of a graph; "), warning
assert ididi_scopefix.status().state == "active"
"""
    )


@pytest.mark.usefixtures("inactive")
@pytest.mark.shim
def test_threads_that_activate_at_once_replace_each_attribute_once() -> None:
    """One deactivation puts back what ididi has written."""
    owners = (Graph, Resolver, ididi.graph)
    before = [dict(vars(owner)) for owner in owners]
    for _ in range(20):
        states = run_at_once(*[ididi_scopefix.activate] * 6)
        assert {each.state for each in states} == {"active"}
        ididi_scopefix.deactivate()
        assert [dict(vars(owner)) for owner in owners] == before


@pytest.mark.parametrize("here", [False, True])
def test_a_seed_is_a_seed_after_off_and_on(here: bool) -> None:
    """Another graph's call replaces it, as it did before, wherever one activates."""
    second = Context().run(Graph)
    first = Graph() if here else Context().run(Graph)
    thread = Context()
    assert thread.run(first.use_scope) is default_scope_of(first)
    ididi_scopefix.deactivate()
    ididi_scopefix.activate()

    assert thread.run(second.use_scope) is default_scope_of(second)


@frees_functions
@pytest.mark.shim
def test_what_was_put_back_is_forgotten(knows_graphs: bool) -> None:
    """However often the shim goes off and on, nothing of it stays behind."""
    owner, name = (
        (Resolver, "use_scope") if knows_graphs else (ididi.graph, "_SCOPE_CONTEXT")
    )
    gone = []

    def switch(times: int) -> int:
        for _ in range(times):
            gone.append(weakref.ref(vars(owner)[name]))
            ididi_scopefix.deactivate()
            ididi_scopefix.activate()
        collect()
        assert [each() for each in gone] == [None] * len(gone)
        gone.clear()
        return len(gc.get_objects())

    switch(20)
    before = switch(1)
    assert switch(200) - before < 100


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


@shape.methods_only
@pytest.mark.usefixtures("inactive")
@pytest.mark.shim
def test_what_python_does_not_bind_is_called_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A callable without ``__get__`` gets no self, here as in plain ididi."""

    class Answer:
        def __call__(self, *args: Any, **kwargs: Any) -> Any:
            return args, kwargs

    graph: Any = Context().run(Graph)
    monkeypatch.setattr(Resolver, "use_scope", Answer())
    expected = (("name",), {"as_async": True})
    assert graph.use_scope("name", as_async=True) == expected
    assert ididi_scopefix.activate().state == "active"

    assert Context().run(graph.use_scope, "name", as_async=True) == expected
    ididi_scopefix.deactivate()


class Stranger:
    """What raises when it is looked at."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


@pytest.mark.shim
@pytest.mark.parametrize("kind", [object, Stranger])
def test_a_stranger_in_the_variable_is_no_obstacle_to_activating(
    graph: Graph, default_scope: Any, kind: type
) -> None:
    """It stays, and nobody's default scope is found there."""
    stranger = kind()

    def activate() -> None:
        ididi.graph._SCOPE_CONTEXT.set(stranger)
        assert ididi_scopefix.activate().state == "active"
        assert ididi.graph._SCOPE_CONTEXT.get() is stranger

    ididi_scopefix.deactivate()
    Context().run(activate)
    assert default_scope_of(graph) is default_scope


@shape.methods_only
@pytest.mark.usefixtures("inactive")
@pytest.mark.shim
def test_a_scope_without_a_parent_is_no_default_scope() -> None:
    """Activated within one, the shim does not hand it to other contexts."""
    graph = Context().run(Graph)
    create: Any = graph

    def request() -> Any:
        scope = create._create_scope("request")
        ididi.graph._SCOPE_CONTEXT.set(scope)
        assert ididi_scopefix.activate().state == "active"
        return scope

    scope = Context().run(request)
    default = default_scope_of(graph)
    assert default is not scope
    assert default.name == DefaultScopeName


@shape.methods_only
def test_graphs_on_one_thread_pool_that_were_built_before_have_their_own() -> None:
    """While the shim was off, so that each is given its default scope late."""
    ididi_scopefix.deactivate()
    first = Context().run(Graph)
    second = Context().run(lambda: Graph(workers=first._workers))
    if not hasattr(first, "__dict__"):
        pytest.skip("the graphs of this release have no __dict__")
    ididi_scopefix.activate()
    for graph in (first, second):
        assert Context().run(graph.use_scope)._type_registry is graph._type_registry


def test_graphs_that_share_a_thread_pool() -> None:
    """Each has its own default scope, from 1.6.0 on; else the newest one's answers."""
    first = Context().run(Graph)
    own = default_scope_of(first)

    def build() -> Any:
        return Graph(workers=first._workers), ididi.graph._SCOPE_CONTEXT.get()

    second, newest = Context().run(build)
    # Before 1.6.0 graphs store their default scope on the pool.
    expected = own if hasattr(first, "__dict__") else newest
    assert default_scope_of(first) is expected
    assert default_scope_of(second) is newest is not own


@compiled_only
@pytest.mark.shim
@pytest.mark.parametrize("collect", ["gc.disable()", "gc.collect()"])
def test_the_newest_of_the_graphs_built_before_answers(collect: str) -> None:
    """Whichever of the collector's generations they are in."""
    children.run(
        f"""
        import gc
        from contextvars import Context
        import ididi_scopefix
        from ididi import Graph
        ididi_scopefix.deactivate()
        graphs = [Context().run(Graph)]
        gc.collect()
        gc.disable()
        graphs.append(Context().run(Graph))
        {collect}
        ididi_scopefix.activate()
        found = Context().run(graphs[0].use_scope)
        assert found.resolve(Graph) is graphs[1]
        """
    )


@compiled_only
def test_a_newer_graph_answers_though_it_was_built_while_the_shim_was_off() -> None:
    """And the older one while it was on."""
    first = Context().run(Graph)
    ididi_scopefix.deactivate()
    second = Context().run(Graph)
    Context().run(ididi_scopefix.activate)
    found = Context().run(first.use_scope)
    assert found._workers is second._workers is not first._workers


@compiled_only
def test_a_scope_of_an_older_graph_does_not_make_it_the_newest() -> None:
    """Whose scopes are set into the variable, as default scopes are."""
    ididi_scopefix.deactivate()
    place = Context()
    first = place.run(Graph)
    Context().run(ididi_scopefix.activate)
    second = Context().run(Graph)

    def request() -> None:
        with first.scope():
            pass

    place.run(request)
    assert Context().run(first.use_scope)._workers is second._workers


@compiled_only
def test_an_older_graph_answers_when_the_newest_on_its_thread_pool_has_gone() -> None:
    """A subclass has a ``__dict__``, and its seed need not be stored on the pool."""
    parent: Any = Graph
    service = type("Service", (parent,), {})
    first = Context().run(service)
    Context().run(lambda: service(workers=first._workers))
    collect()
    assert Context().run(first.use_scope)._type_registry is first._type_registry


@compiled_only
@pytest.mark.shim
def test_without_a_graph_the_variable_is_empty_and_nobody_is_warned() -> None:
    """Who reads it then gets what plain ididi gives."""
    finished = children.run(
        """
        import gc
        from contextvars import Context
        import pytest
        import ididi_scopefix, ididi.graph
        gc.collect()
        with pytest.raises(LookupError) as raised:
            Context().run(lambda: ididi.graph._SCOPE_CONTEXT.get())
        assert raised.type is LookupError
        assert ididi_scopefix.status().seeded == 0
        """
    )
    assert finished.stderr == ""


@shape.methods_only
@pytest.mark.shim
@pytest.mark.parametrize("name", ["scope", "ascope", "use_scope"])
@pytest.mark.parametrize("where", ["while comparing", "while seeding"])
def test_an_interrupt_in_the_midst_of_a_call_is_not_swallowed(
    name: str, where: str
) -> None:
    """Whatever the shim is doing when it arrives."""
    pending = [KeyboardInterrupt]

    def interrupt(_: object) -> None:
        if pending:
            raise pending.pop()

    class Interrupting:
        name = ""
        _type_registry = property(interrupt)

    interrupting: Any = Interrupting()
    graph: Any = Context().run(Graph)
    if where == "while seeding":
        parent: Any = Graph
        attributes = {"_ididi_scopefix_seed": property(interrupt)}
        graph = Context().run(type("Interrupted", (parent,), attributes))

    async def request() -> None:
        if where == "while comparing":
            ididi.graph._SCOPE_CONTEXT.set(interrupting)
        if name == "use_scope":
            graph.use_scope()
        elif name == "scope":
            with graph.scope():
                pass
        else:
            async with graph.ascope():
                pass

    interrupted = False
    try:
        Context().run(asyncio.run, request())
    except KeyboardInterrupt:
        interrupted = True
    assert interrupted


@compiled_only
@pytest.mark.xfail(
    strict=True,
    raises=TypeError,
    reason="a context takes a ContextVar itself, and no proxy of one, for a key",
)
@pytest.mark.unchanged
def test_a_context_is_asked_for_the_variable(graph: Graph) -> None:
    """As tools do that look into a request's context."""
    context = Context()
    context.run(graph.use_scope)
    variable: Any = ididi.graph._SCOPE_CONTEXT
    assert variable not in Context()

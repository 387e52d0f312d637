"""What the proof and the storing of default scopes do to other graphs: nothing."""

from __future__ import annotations

import asyncio
import os
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
from tests import children, shape
from tests.pythons import collect

if TYPE_CHECKING:
    from types import FrameType

methods_only = pytest.mark.skipif(
    not shape.has_mutable_classes(), reason="compiled classes are what they are"
)
compiled_only = pytest.mark.skipif(
    shape.has_mutable_classes(), reason="calls tell on which graph they are made"
)


@methods_only
@pytest.mark.shim
def test_a_graph_that_is_built_during_the_proof_has_its_own_default_scope() -> None:
    """In another thread, whichever step the proof is at."""
    folder = os.path.dirname(ididi_scopefix.__file__)
    built: list[tuple[Graph, Any]] = []

    def build() -> tuple[Graph, Any]:
        graph = Graph()
        return graph, ididi.graph._SCOPE_CONTEXT.get()

    def on_call(frame: FrameType, event: str, _: object) -> None:
        code, names = frame.f_code, ("use_scope", "merge", "_ascope", "_scope")
        is_ours = code.co_filename.startswith(folder)
        if event == "call" and is_ours and code.co_name in names:
            built.append(other.submit(Context().run, build).result(60))

    ididi_scopefix.deactivate()
    with ThreadPoolExecutor(max_workers=1) as other:
        sys.setprofile(on_call)
        try:
            ididi_scopefix.activate()
        finally:
            sys.setprofile(None)
    assert len(built) > 3
    for graph, scope in built:
        assert Context().run(graph.use_scope) is scope


CLOSED = """
import logging
from contextvars import Context
import ididi_scopefix, ididi
from ididi import Graph

class Closed(Graph):
    @property
    def __dict__(self):
        raise RuntimeError("nobody looks into this one")

    def __setattr__(self, name, value):
        if "scopefix" in name:
            raise RuntimeError("nobody puts anything into this one")
        super().__setattr__(name, value)

warnings = []

class Keeping(logging.Handler):
    def emit(self, record):
        warnings.append(record.getMessage())

logging.basicConfig(level=logging.WARNING, handlers=[Keeping()])
"""


@methods_only
@pytest.mark.shim
def test_a_default_scope_that_can_not_be_stored_breaks_no_graph() -> None:
    """It costs one warning, and what is asked of the graph is as in plain ididi."""
    children.run(
        CLOSED
        + """
def build():
    graphs = [Closed() for _ in range(3)]
    for graph in graphs:
        assert graph.use_scope().name == "__ididi_default_scope__"
        with graph.scope("request") as scope:
            assert graph.use_scope("request") is scope

Context().run(build)
assert len(warnings) == 1, warnings
assert ididi_scopefix.status().state == "active"
"""
    )


@methods_only
@pytest.mark.shim
def test_a_default_scope_that_can_not_be_adopted_is_no_obstacle_to_activating() -> None:
    """It is that of one graph, and the shim is for all."""
    children.run(
        CLOSED
        + """
ididi_scopefix.deactivate()
graph = Closed()
assert ididi_scopefix.activate().state == "active", ididi_scopefix.status()
other = Context().run(Graph)
Context().run(other.use_scope)
"""
    )


@methods_only
def test_a_seed_is_a_seed_still_after_off_and_on() -> None:
    """Another graph replaces it, though they are where it was built."""
    first, second = Graph(), Context().run(Graph)
    own = Context().run(second.use_scope)
    thread = Context()
    thread.run(first.use_scope)
    ididi_scopefix.deactivate()
    ididi_scopefix.activate()
    assert thread.run(second.use_scope) is own


@methods_only
@pytest.mark.shim
def test_what_was_restored_is_forgotten() -> None:
    """However often the shim goes off and on."""
    gone = []
    for _ in range(5):
        gone.append(weakref.ref(vars(Resolver)["use_scope"]))
        ididi_scopefix.deactivate()
        ididi_scopefix.activate()
    collect()
    assert [each() for each in gone] == [None] * 5


@methods_only
@pytest.mark.shim
@pytest.mark.parametrize("name", ["scope", "ascope", "use_scope", "__init__"])
def test_the_proof_calls_no_function_of_another_library(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would count the calls as the program's."""
    ididi_scopefix.deactivate()
    owner: Any = Graph if name == "__init__" else Resolver
    method, calls = vars(owner)[name], []

    def counted(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(name)
        return method(self, *args, **kwargs)

    monkeypatch.setattr(owner, name, counted)
    assert ididi_scopefix.activate().state == "active"
    assert calls == []
    graph = Context().run(Graph)
    Context().run(graph.use_scope)
    ididi_scopefix.deactivate()


@methods_only
@pytest.mark.unchanged
def test_what_python_does_not_bind_is_called_as_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A callable without ``__get__`` gets no self, here as in plain ididi."""
    calls = []

    class Answer:
        def __call__(self, *args: Any) -> str:
            calls.append(args)
            return "answer"

    graph: Any = Context().run(Graph)
    ididi_scopefix.deactivate()
    monkeypatch.setattr(Resolver, "use_scope", Answer())
    assert graph.use_scope("name") == "answer"
    ididi_scopefix.activate()
    assert Context().run(graph.use_scope, "name") == "answer"
    assert calls == [("name",), ("name",)]
    ididi_scopefix.deactivate()


class Stranger:
    """No scope, and it has nothing of one."""

    name = "stranger"


@pytest.mark.unchanged
def test_a_stranger_in_the_variable_is_the_parent_of_async_scopes(
    graph: Graph,
) -> None:
    """As in plain ididi."""
    stranger: Any = Stranger()

    async def request() -> None:
        ididi.graph._SCOPE_CONTEXT.set(stranger)
        async with graph.ascope() as scope:
            assert scope.pre is stranger
        assert graph.use_scope() is stranger

    Context().run(asyncio.run, request())


@pytest.mark.shim
def test_a_stranger_in_the_variable_is_no_obstacle_to_activating(
    graph: Graph, default_scope: Any
) -> None:
    """Nobody's default scope is found there, and nothing fails."""

    def activate() -> str:
        ididi.graph._SCOPE_CONTEXT.set(Stranger())  # type: ignore[arg-type]
        return ididi_scopefix.activate().state

    ididi_scopefix.deactivate()
    assert Context().run(activate) == "active"
    assert Context().run(graph.use_scope) is default_scope


@methods_only
@pytest.mark.shim
def test_a_scope_without_a_parent_is_no_default_scope() -> None:
    """Activated within one, the shim does not hand it to other contexts."""
    ididi_scopefix.deactivate()
    graph = Context().run(Graph)
    create: Any = graph

    def request() -> Any:
        scope = create._create_scope("request")
        ididi.graph._SCOPE_CONTEXT.set(scope)
        assert ididi_scopefix.activate().state == "active"
        return scope

    scope = Context().run(request)
    default = Context().run(graph.use_scope)
    assert default is not scope
    assert default.name == DefaultScopeName


@methods_only
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


@methods_only
def test_graphs_that_share_a_thread_pool_have_default_scopes_of_their_own() -> None:
    """From ididi 1.6 on; before, the newest one's is stored on the pool."""
    first = Context().run(Graph)
    if not hasattr(first, "__dict__"):
        pytest.skip("the graphs of this release have no __dict__")

    def build() -> Any:
        return Graph(workers=first._workers), ididi.graph._SCOPE_CONTEXT.get()

    own = Context().run(first.use_scope)
    second, others = Context().run(build)
    assert Context().run(first.use_scope) is own
    assert Context().run(second.use_scope) is others is not own


@compiled_only
@pytest.mark.shim
def test_the_newest_of_the_graphs_on_one_thread_pool_answers() -> None:
    """Compiled graphs store their default scope on the pool."""
    first = Context().run(Graph)

    def build() -> Any:
        return Graph(workers=first._workers), ididi.graph._SCOPE_CONTEXT.get()

    second, newest = Context().run(build)
    assert Context().run(first.use_scope) is newest
    assert Context().run(second.use_scope) is newest


@compiled_only
@pytest.mark.shim
def test_a_newer_graph_answers_though_the_collector_has_seen_only_the_older() -> None:
    """Both were built while the shim was off."""
    children.run(
        """
        import gc
        from contextvars import Context
        import ididi_scopefix
        from ididi import Graph
        ididi_scopefix.deactivate()
        graphs = [Context().run(Graph)]
        gc.collect()
        gc.disable()
        graphs.append(Context().run(Graph))
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
        import ididi_scopefix, ididi.graph
        gc.collect()
        try:
            Context().run(lambda: ididi.graph._SCOPE_CONTEXT.get())
        except LookupError:
            pass
        else:
            raise AssertionError("there was a scope")
        assert ididi_scopefix.status().seeded == 0
        """
    )
    assert finished.stderr == ""


@methods_only
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


@pytest.mark.shim
def test_a_finder_of_distributions_that_raises_is_no_error_of_the_status() -> None:
    """The version is unknown, and is found when ididi itself says it."""
    children.run(
        """
        import sys
        import ididi_scopefix

        class Broken:
            def find_spec(self, *args):
                return None

            def find_distributions(self, *args, **kwargs):
                raise RuntimeError("a bug of the finder's own")

        sys.meta_path.insert(0, Broken())
        status = ididi_scopefix.status()
        assert (status.state, status.ididi_version) == ("waiting", None), status
        import ididi
        assert ididi_scopefix.status().state in ("active", "failed")
        """
    )


@pytest.mark.shim
def test_the_reason_before_the_import_says_what_will_happen() -> None:
    """With ididi, and without it."""
    children.run(
        """
        import sys
        import ididi_scopefix
        reason = ididi_scopefix.status().reason
        assert reason.startswith("ididi has not been imported yet"), reason
        sys.path[:] = [each for each in sys.path if "packages" not in each]
        import importlib.metadata
        if not [*importlib.metadata.distributions(name="ididi")]:
            reason = ididi_scopefix.status().reason
            assert reason.startswith("ididi is not installed here"), reason
        """
    )

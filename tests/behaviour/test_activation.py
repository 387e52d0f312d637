"""``activate()`` and ``deactivate()`` are each other's inverse."""

from __future__ import annotations

from contextvars import Context
from typing import TYPE_CHECKING, Any

import ididi.graph
import pytest
from ididi import Graph
from ididi.graph import Resolver

import ididi_scopefix
from tests import children, contexts

if TYPE_CHECKING:
    from ididi import SyncScope


def contents() -> dict[str, Any]:
    """Return everything that the shim may have replaced."""
    return {
        "scope": vars(Resolver)["scope"],
        "ascope": vars(Resolver)["ascope"],
        "use_scope": vars(Resolver)["use_scope"],
        "__init__": vars(Graph)["__init__"],
        "_SCOPE_CONTEXT": ididi.graph._SCOPE_CONTEXT,
    }


def raises(graph: Graph) -> bool:
    """Tell whether *graph* has the bug."""
    try:
        Context().run(graph.use_scope)
    except LookupError:
        return True
    return False


@pytest.mark.shim
def test_deactivating_brings_the_bug_back(graph: Graph) -> None:
    """And activating ends it, as often as one likes."""
    for _ in range(3):
        assert ididi_scopefix.activate().state == "active"
        assert not raises(graph)
        assert ididi_scopefix.deactivate().state == "disabled"
        assert raises(graph)


@pytest.mark.shim
def test_deactivating_puts_back_what_was_there() -> None:
    """The very objects, not equal ones."""
    ididi_scopefix.deactivate()
    original = contents()
    ididi_scopefix.activate()
    active = contents()
    assert any(active[name] is not original[name] for name in original)

    ididi_scopefix.deactivate()

    assert all(contents()[name] is original[name] for name in original)


@pytest.mark.shim
def test_activating_twice_changes_nothing(graph: Graph) -> None:
    """One replacement, not two."""
    first = ididi_scopefix.activate()
    active = contents()

    assert ididi_scopefix.activate().patched == first.patched != ()

    assert all(contents()[name] is active[name] for name in active)
    ididi_scopefix.deactivate()
    ididi_scopefix.deactivate()
    assert raises(graph)


@pytest.mark.parametrize("here", [False, True])
def test_a_seed_is_a_seed_after_off_and_on(here: bool) -> None:
    """Another graph's call replaces it, as it did before, wherever one activates."""
    second = Context().run(Graph)
    first = Graph() if here else Context().run(Graph)
    thread = Context()
    assert thread.run(first.use_scope) is Context().run(first.use_scope)
    ididi_scopefix.deactivate()
    ididi_scopefix.activate()

    assert thread.run(second.use_scope) is Context().run(second.use_scope)


def test_a_scope_opened_before_deactivating_closes(
    graph: Graph, default_scope: SyncScope
) -> None:
    """Sync and async; the context has its seed back then."""

    async def request() -> None:
        async with graph.ascope("outer") as outer:
            with graph.scope("inner"):
                ididi_scopefix.deactivate()
            assert graph.use_scope() is outer
        assert graph.use_scope() is default_scope

    contexts.run_in_thread(request)


@pytest.mark.unchanged
def test_a_scope_made_before_deactivating_is_plain_ididi_s(graph: Graph) -> None:
    """It is entered afterwards, in a context without a scope."""
    manager = graph.scope()
    ididi_scopefix.deactivate()
    plain = graph.scope()

    def enter(manager: Any) -> type[BaseException] | None:
        try:
            with manager:
                return None
        except LookupError as error:
            return type(error)

    assert Context().run(enter, manager) is Context().run(enter, plain)


@pytest.mark.shim
def test_activating_waits_for_ididi_and_deactivating_stops_that() -> None:
    """Before ididi is imported they arm and disarm."""
    children.run(
        """
        import sys
        import ididi_scopefix

        ididi_scopefix.deactivate()
        meta_path = sys.meta_path
        before = list(meta_path)
        assert ididi_scopefix.activate().state == "waiting"
        assert ididi_scopefix.activate().state == "waiting"
        assert len(sys.meta_path) == len(before) + 1
        assert ididi_scopefix.deactivate().state == "disabled"
        assert sys.meta_path is meta_path == before

        import ididi
        from contextvars import Context

        graph = ididi.Graph()
        import pytest
        with pytest.raises(LookupError):
            Context().run(graph.use_scope)
        assert ididi_scopefix.activate().state == "active"
        Context().run(graph.use_scope)
        """
    )

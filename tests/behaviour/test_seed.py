"""``seed()``: for people who would rather be explicit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from functools import partial
from typing import TYPE_CHECKING
from unittest import mock

import ididi.graph
import pytest
from ididi import Graph
from ididi.config import DefaultScopeName

import ididi_scopefix
from ididi_scopefix import _seeding
from tests import children, contexts

if TYPE_CHECKING:
    from ididi import SyncScope


@pytest.mark.shim
def test_a_pool_thread_is_seeded_by_its_initializer(
    graph: Graph, default_scope: SyncScope
) -> None:
    """As each of its threads starts."""

    def what_is_there() -> object:
        variable = ididi.graph._SCOPE_CONTEXT
        return variable.get(None)

    with ThreadPoolExecutor(
        max_workers=1, initializer=ididi_scopefix.seed, initargs=(graph,)
    ) as pool:
        assert pool.submit(what_is_there).result() is default_scope
        assert pool.submit(graph.use_scope).result() is default_scope


@pytest.mark.shim
def test_seeding_explicitly_returns_the_default_scope(
    graph: Graph, default_scope: SyncScope
) -> None:
    """And counts as a seeded context, once."""
    before = ididi_scopefix.status().seeded
    context = Context()

    assert context.run(ididi_scopefix.seed, graph) is default_scope
    assert context.run(ididi_scopefix.seed, graph) is default_scope

    assert ididi_scopefix.status().seeded == before + 1


def test_an_explicit_seed_holds_for_its_graph(graph: Graph, knows_graphs: bool) -> None:
    """Whichever graph was built last."""
    own = graph.use_scope()
    newer = type(graph)()
    context = Context()

    assert context.run(ididi_scopefix.seed, graph) is own
    assert context.run(graph.use_scope) is own
    if knows_graphs:
        assert context.run(newer.use_scope) is newer.use_scope()


def test_an_explicit_seed_replaces_one_of_ours_and_is_not_replaced(
    graph: Graph,
) -> None:
    """Whichever graph that one was of, and whichever is built later."""
    newer = type(graph)()
    for each in (newer, graph):
        own, context = ididi_scopefix.seed(each), Context()
        context.run(newer.use_scope)
        assert context.run(ididi_scopefix.seed, each) is own
        assert context.run(each.use_scope) is own
        newest = Context().run(type(graph))
        assert context.run(each.use_scope) is own is not Context().run(newest.use_scope)


def test_an_open_scope_is_not_replaced_by_an_explicit_seed(
    graph: Graph, default_scope: SyncScope
) -> None:
    """The graph's default scope is returned all the same."""

    def request() -> None:
        with graph.scope() as scope:
            assert ididi_scopefix.seed(graph) is default_scope
            assert graph.use_scope() is scope

    contexts.in_new_thread(request)


@pytest.mark.unchanged
@pytest.mark.parametrize("wrong", [None, "graph", object(), dict])
def test_seeding_for_something_else_says_what_it_takes(wrong: object) -> None:
    """One line."""
    with pytest.raises(TypeError, match=r"^seed\(\) takes the ididi\.Graph .*$"):
        ididi_scopefix.seed(wrong)  # type: ignore[arg-type]


@pytest.mark.unchanged
def test_seeding_before_ididi_is_imported_says_what_it_takes() -> None:
    """There is no graph that it could be given."""
    children.run(
        """
        import ididi_scopefix
        try:
            ididi_scopefix.seed(None)
        except TypeError as error:
            assert "ididi.Graph" in str(error)
        """
    )


@pytest.mark.unchanged
def test_an_interrupt_of_seeding_while_the_shim_is_off_is_not_swallowed() -> None:
    """It ends the program, as anywhere else."""
    ididi_scopefix.deactivate()
    graph = Context().run(Graph)
    interrupted = mock.patch.object(_seeding, "names_of", side_effect=KeyboardInterrupt)
    with interrupted, pytest.raises(KeyboardInterrupt):
        ididi_scopefix.seed(graph)


@pytest.mark.unchanged
def test_each_graph_has_its_own_default_scope_while_the_shim_is_off() -> None:
    """The same for each call, wherever it is called and whatever was built last."""
    ididi_scopefix.deactivate()
    graphs = [Graph(), Graph(), Context().run(Graph)]
    scopes = [ididi_scopefix.seed(graph) for graph in graphs]

    for graph, scope in zip(graphs, scopes):
        assert scope.name == DefaultScopeName
        assert scope._workers is graph._workers
        assert ididi_scopefix.seed(graph) is scope
        assert contexts.in_new_thread(partial(ididi_scopefix.seed, graph)) is scope
    assert scopes[1] is graphs[1].use_scope()


@pytest.mark.unchanged
def test_a_stranger_in_the_variable_is_no_default_scope_while_the_shim_is_off() -> None:
    """The graph gets its own all the same."""
    ididi_scopefix.deactivate()
    graph = Context().run(Graph)

    def seed() -> SyncScope:
        ididi.graph._SCOPE_CONTEXT.set(object())  # type: ignore[arg-type]
        return ididi_scopefix.seed(graph)

    scope = Context().run(seed)
    assert scope.name == DefaultScopeName
    assert scope._workers is graph._workers


def test_a_default_scope_is_the_same_before_and_after_a_deactivation(
    graph: Graph, default_scope: SyncScope
) -> None:
    """The one that was stored while the shim was active."""
    assert Context().run(graph.use_scope) is default_scope
    other = Context().run(Graph)
    own = Context().run(ididi_scopefix.seed, other)
    ididi_scopefix.deactivate()
    for _ in range(2):
        assert ididi_scopefix.seed(graph) is default_scope
        assert Context().run(ididi_scopefix.seed, other) is own
    ididi_scopefix.activate()
    assert Context().run(ididi_scopefix.seed, graph) is default_scope
    assert Context().run(ididi_scopefix.seed, other) is own

"""What the shim says about itself."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.metadata
import logging
import pkgutil
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from ididi import Graph

import ididi_scopefix
from ididi_scopefix import Status, _activation
from tests import children, contexts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ididi import SyncScope


@pytest.mark.shim
def test_the_status_of_an_active_shim(knows_graphs: bool) -> None:
    """State, version, reason and what was replaced."""
    status = ididi_scopefix.status()

    assert status.state == "active"
    assert status.ididi_version == importlib.metadata.version("ididi")
    assert status.reason.endswith(".")
    if knows_graphs:
        assert set(status.patched) == {
            "ididi.graph.Graph.__init__",
            "ididi.graph.Resolver.scope",
            "ididi.graph.Resolver.ascope",
            "ididi.graph.Resolver.use_scope",
        }
    else:
        assert status.patched == ("ididi.graph._SCOPE_CONTEXT",)


@pytest.mark.shim
def test_what_is_patched_is_named_as_one_would_import_it() -> None:
    """Each name leads to the replaced attribute."""
    names = ididi_scopefix.status().patched
    patched = [pkgutil.resolve_name(name) for name in names]
    ididi_scopefix.deactivate()
    plain = [pkgutil.resolve_name(name) for name in names]

    assert names
    assert all(one is not other for one, other in zip(patched, plain))


@pytest.mark.unchanged
def test_a_status_is_frozen() -> None:
    """It tells how things were; nobody can change that."""
    status = ididi_scopefix.status()

    with pytest.raises(dataclasses.FrozenInstanceError):
        status.state = "active"  # type: ignore[misc]


@pytest.mark.shim
def test_a_status_reads_well_in_a_log(graph: Graph) -> None:
    """In one line."""
    Context().run(graph.use_scope)

    text = str(ididi_scopefix.status())

    version = importlib.metadata.version("ididi")
    assert text.startswith(f"ididi-scopefix active (ididi {version}): ")
    assert "Contexts seeded: " in text
    assert "\n" not in text


@pytest.mark.unchanged
@pytest.mark.parametrize(
    ("status", "text"),
    [
        (
            Status("active", "2", "good.", ("a.b", "c"), 7),
            "ididi-scopefix active (ididi 2): good. Patched: a.b, c. Contexts seeded: 7.",
        ),
        (
            Status("waiting", None, "no ididi."),
            "ididi-scopefix waiting (ididi none): no ididi.",
        ),
    ],
)
def test_a_status_is_one_sentence_after_the_other(status: Status, text: str) -> None:
    """What is empty is left out."""
    assert str(status) == text


@pytest.mark.shim
def test_seeded_contexts_are_counted(graph: Graph) -> None:
    """Each context once, from any number of threads."""
    before = ididi_scopefix.status().seeded

    def request() -> None:
        graph.use_scope()
        with graph.scope(), graph.scope():
            graph.use_scope()

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(lambda _: Context().run(request), range(500)))

    assert ididi_scopefix.status().seeded == before + 500
    assert ididi_scopefix.status().seeded == before + 500


@pytest.mark.shim
def test_contexts_with_a_scope_are_not_counted(graph: Graph) -> None:
    """Nothing had to be done there."""
    assert Context().run(graph.use_scope)
    before = ididi_scopefix.status().seeded

    with graph.scope():
        graph.use_scope()

    assert ididi_scopefix.status().seeded == before > 0


@pytest.mark.shim
def test_a_context_that_works_for_one_graph_after_the_other_is_counted_once() -> None:
    """And what the shim calls to prove itself is not counted."""
    graphs = [Context().run(Graph) for _ in range(2)]
    before = ididi_scopefix.status().seeded
    thread = Context()
    for graph in graphs * 2:
        thread.run(graph.use_scope)
    ididi_scopefix.deactivate()
    ididi_scopefix.activate()
    assert ididi_scopefix.status().seeded == before + 1


@contextlib.contextmanager
def listening(handler: logging.Handler) -> Iterator[None]:
    """Give *handler* every message of the shim for a while."""
    logger = logging.getLogger("ididi_scopefix")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def test_a_broken_log_handler_breaks_no_request(
    graph: Graph, default_scope: SyncScope
) -> None:
    """Its error is not the request's."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise ValueError("of the handler")

    with listening(Broken()):
        assert contexts.in_new_thread(graph.use_scope) is default_scope


@pytest.mark.unchanged
def test_before_ididi_is_imported_nothing_else_is() -> None:
    """Importing the shim is cheap; asking it for its version does not change it."""
    children.run(
        """
        import importlib.metadata, os, sys
        os.environ.pop("IDIDI_SCOPEFIX", None)
        import ididi_scopefix

        ididi_scopefix.activate()
        status = ididi_scopefix.status()

        assert status.state == "waiting", status
        assert status.ididi_version == importlib.metadata.version("ididi")
        assert status.patched == () and status.seeded == 0
        for name in ("wrapt", "packaging", "ididi", "asyncio"):
            assert name not in sys.modules, name
        """
    )


@pytest.mark.shim
def test_a_forked_child_counts_for_itself() -> None:
    """It reports its own first seeding, too."""
    children.run(
        """
        import os, sys
        if not hasattr(os, "fork"):
            sys.exit()
        from contextvars import Context
        import ididi_scopefix
        from ididi import Graph
        graph = Graph()
        Context().run(graph.use_scope)
        assert ididi_scopefix.status().seeded == 1
        child = os.fork()
        if child == 0:
            Context().run(graph.use_scope)
            Context().run(graph.use_scope)
            os._exit(0 if ididi_scopefix.status().seeded == 2 else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert ididi_scopefix.status().seeded == 1
        """
    )


@pytest.mark.shim
@pytest.mark.parametrize("position", [0, 99])
def test_a_finder_of_distributions_that_raises_is_no_error_of_the_status(
    position: int,
) -> None:
    """In front of the others it hides the version, until ididi itself says it."""
    children.run(
        f"""
        import sys
        import ididi_scopefix

        class Broken:
            def find_spec(self, *args):
                return None

            def find_distributions(self, *args, **kwargs):
                raise RuntimeError("a bug of the finder's own")

        sys.meta_path.insert({position}, Broken())
        status = ididi_scopefix.status()
        assert status.state == "waiting", status
        assert (status.ididi_version is None) is ({position} == 0), status
        import ididi
        states = ("active", "failed") if {position} == 0 else ("active",)
        assert ididi_scopefix.status().state in states
        """
    )


@pytest.mark.shim
def test_the_reason_before_the_import_says_what_will_happen() -> None:
    """With ididi, and without it."""
    children.run(
        """
        import sys
        import ididi_scopefix
        status = ididi_scopefix.status()
        assert status.state == "waiting" and status.ididi_version, status
        expected = "ididi has not been imported yet; if affected, it is patched then."
        assert status.reason == expected, status
        assert "ididi" not in sys.modules
        sys.path[:] = [each for each in sys.path if "packages" not in each]
        import importlib.metadata
        if not [*importlib.metadata.distributions(name="ididi")]:
            reason = ididi_scopefix.status().reason
            assert reason.startswith("ididi is not installed here"), reason
        """
    )


@pytest.mark.shim
def test_while_another_thread_activates_the_status_is_not_that_of_a_failure() -> None:
    """Between the two steps of that thread: it waits for ididi, and has not patched."""
    ididi_scopefix.deactivate()
    with mock.patch.object(_activation, "_patch_if_loaded"):
        status = ididi_scopefix.activate()
    assert (status.state, status.reason) == (
        "waiting",
        "ididi is being patched again, in another thread.",
    )
    assert ididi_scopefix.activate().state == "active"

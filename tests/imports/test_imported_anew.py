"""One finder and one patch, however often ididi or all modules are imported anew."""

from __future__ import annotations

import pytest

from tests.imports.conftest import needs_source


@pytest.mark.parametrize(
    "packages",
    [
        ["ididi"],
        ["ididi_scopefix"],
        ["ididi", "ididi_scopefix", "wrapt", "packaging"],
        ["ididi", "ididi_scopefix", "wrapt", "packaging", "importlib", "logging"],
    ],
    ids=["ididi", "the shim", "what it needs", "all"],
)
@pytest.mark.child
def test_packages_may_be_imported_anew_many_times(packages: list[str]) -> None:
    """A sandbox does it at each start, and so does a suite that purges modules."""
    import sys

    from tests.imports.calls import check_patched, remove

    sizes = set()
    for number in range(5):
        remove(*packages)
        check_patched()
        if number:
            sizes.add(len(sys.meta_path))
    # wrapt's own finder comes with each copy of wrapt, unless the shim's is used.
    assert len(sizes) == 1, sizes


@pytest.mark.child
def test_copies_of_the_shim_switch_the_same_patch() -> None:
    """To import a copy is no call of activate(); from then on each speaks for both."""
    from tests.imports.calls import check_patched, raises, remove

    check_patched()
    import ididi_scopefix as first

    first.deactivate()
    remove("ididi_scopefix")
    import ididi_scopefix as second

    assert first is not second
    assert raises()
    for one, other in ((second, first), (first, second)):
        assert one.activate().state == other.status().state == "active"
        assert one.status().patched == other.status().patched != ()
        check_patched()
        assert one.deactivate().state == other.status().state == "disabled"
        assert raises()
        assert one.status().patched == other.status().patched == ()
    assert first.status().fallbacks == second.status().fallbacks > 0


@pytest.mark.child
def test_the_shim_may_be_reloaded() -> None:
    """It is the same before and after ididi: no second finder waits or patches."""
    import importlib

    import ididi_scopefix
    from tests.imports.calls import check_patched, finders, raises

    for _ in range(3):
        importlib.reload(ididi_scopefix)
        assert finders() == 1
        check_patched()
    ididi_scopefix.deactivate()
    assert raises()


@needs_source
@pytest.mark.child
def test_a_reloaded_graph_module_is_patched_again() -> None:
    """It stays the same object, and its code binds the variable anew."""
    import importlib

    import ididi.graph

    from tests.imports.calls import check_patched

    for _ in range(3):
        importlib.reload(ididi.graph)
        check_patched()


@needs_source
@pytest.mark.child
def test_a_second_graph_module_is_patched_like_the_first() -> None:
    """While the first one is still used, each answers for its own graphs."""
    import importlib
    import sys
    from contextvars import Context

    import ididi_scopefix

    def answers(module):
        graph = Context().run(module.Graph)
        try:
            return Context().run(graph.use_scope) is Context().run(graph.use_scope)
        except LookupError:
            return False

    first = importlib.import_module("ididi.graph")
    del sys.modules["ididi.graph"]
    second = importlib.import_module("ididi.graph")
    assert second is not first
    assert answers(first)
    assert answers(second)
    assert ididi_scopefix.status().state == "active"
    ididi_scopefix.deactivate()
    assert not answers(first)
    assert not answers(second)

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
def test_the_first_import_may_be_inside_mock_patch_dict() -> None:
    """The mock removes what was imported, and the next test imports it again."""
    import sys
    from unittest import mock

    import ididi_scopefix
    from tests.imports.calls import check_patched

    before = None
    for _ in range(6):
        with mock.patch.dict(sys.modules):
            check_patched()
        before = before or len(sys.meta_path)
        assert ididi_scopefix.status().state == "waiting"
    assert len(sys.meta_path) == before


@pytest.mark.child
def test_copies_of_the_shim_switch_the_same_patch() -> None:
    """One that was imported before, and one that was imported after."""
    from tests.imports.calls import check_patched, raises, remove

    check_patched()
    import ididi_scopefix as first

    remove("ididi_scopefix")
    import ididi_scopefix as second

    assert first is not second
    for one, other in ((first, second), (second, first)):
        assert one.deactivate().state == other.status().state == "disabled"
        assert raises()
        assert one.status().patched == other.status().patched == ()
        assert one.activate().state == other.status().state == "active"
        assert one.status().patched == other.status().patched != ()
        check_patched()
    assert first.status().fallbacks == second.status().fallbacks > 0


@pytest.mark.child
def test_a_new_copy_of_the_shim_stays_switched_off() -> None:
    """To import it once more is no call of activate()."""
    import ididi_scopefix
    from tests.imports.calls import raises, remove

    assert ididi_scopefix.deactivate().state == "disabled"
    remove("ididi_scopefix")
    import ididi_scopefix

    assert raises()
    assert ididi_scopefix.status().state == "disabled"
    assert ididi_scopefix.activate().state == "active"
    assert not raises()


@pytest.mark.parametrize("imported", [False, True])
@pytest.mark.child
def test_the_shim_may_be_reloaded(imported: bool) -> None:
    """No second finder waits, and deactivate() switches all off."""
    import importlib

    import ididi_scopefix
    from tests.imports.calls import check_patched, finders, raises

    if imported:
        check_patched()
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
    import sys

    import ididi.graph

    from tests.imports.calls import check_patched

    for _ in range(3):
        importlib.reload(ididi.graph)
        check_patched()
    del sys.modules["ididi"]
    import ididi

    importlib.reload(sys.modules["ididi.graph"])
    check_patched()


@needs_source
@pytest.mark.child
def test_a_second_graph_module_is_patched_like_the_first() -> None:
    """While the first one is still used, each answers for its own graphs."""
    import importlib
    import sys
    from contextvars import Context

    import ididi_scopefix

    first = importlib.import_module("ididi.graph")
    del sys.modules["ididi.graph"]
    second = importlib.import_module("ididi.graph")
    assert second is not first
    for module in (first, second):
        graph = Context().run(module.Graph)
        assert Context().run(graph.use_scope) is Context().run(graph.use_scope)
    assert ididi_scopefix.status().state == "active"
    ididi_scopefix.deactivate()
    for module in (first, second):
        graph = Context().run(module.Graph)
        try:
            Context().run(graph.use_scope)
        except LookupError:
            continue
        raise AssertionError("it is still answered")


@needs_source
@pytest.mark.child
def test_a_variable_that_the_program_bound_is_no_secret() -> None:
    """The status tells what is really there, and activate() patches it."""
    from contextvars import ContextVar

    import ididi.graph

    import ididi_scopefix
    from tests.imports.calls import check_patched, raises

    ididi.graph._SCOPE_CONTEXT = ContextVar("own")
    assert ididi_scopefix.status().state == "failed"
    assert ididi_scopefix.status().patched == ()
    assert raises()
    assert ididi_scopefix.activate().state == "active"
    check_patched()


@pytest.mark.child
def test_an_import_that_fails_may_be_tried_again() -> None:
    """A module of ididi is missing at first; each try is as good as the first."""
    import sys

    import ididi_scopefix
    from tests.imports.calls import check_patched

    class Failing:
        failures = 3

        def find_spec(self, name, path=None, target=None):
            if name in ("ididi._ds", "ididi.graph") and self.failures:
                self.failures -= 1
                raise ImportError("not now")

    sys.meta_path.insert(0, Failing())
    for _ in range(3):
        try:
            import ididi
        except ImportError as error:
            assert str(error) == "not now"
        else:
            raise AssertionError(ididi)
        assert ididi_scopefix.status().state == "waiting"
    check_patched()

"""The finder of the shim beside those of other libraries."""

from __future__ import annotations

import pytest


@pytest.mark.child
def test_other_finders_are_asked_as_without_the_shim() -> None:
    """One in front is asked once, and none is compared or has to be a new one."""
    import sys

    import ididi_scopefix
    from tests.imports.calls import check_patched

    class Front:
        def __eq__(self, other):
            raise RuntimeError("compared")

        def find_spec(self, name, path=None, target=None):
            asked.append(name)

        def find_distributions(self, *args, **kwargs):
            raise RuntimeError("the metadata can't be read")

    class WithoutFindSpec:
        def find_module(self, name, path=None):
            return None

    asked = []
    sys.meta_path.insert(0, Front())
    sys.meta_path.insert(2, WithoutFindSpec())
    for call in (ididi_scopefix.deactivate, ididi_scopefix.activate):
        assert call().ididi_version is None
    check_patched()
    assert asked.count("ididi") == asked.count("ididi.graph") == 1


@pytest.mark.child
def test_an_importer_may_replace_the_list_of_finders() -> None:
    """It asks all finders that were there, that of the shim once more."""
    import sys

    from tests.imports.calls import check_patched

    class All:
        def __init__(self, finders):
            self.finders = finders

        def find_spec(self, name, path=None, target=None):
            specs = (each.find_spec(name, path, target) for each in self.finders)
            return next(filter(None, specs), None)

    ours, *others = sys.meta_path
    sys.meta_path = [ours, All([ours, *others])]
    check_patched()


@pytest.mark.child
def test_the_finder_waits_from_activate_to_deactivate() -> None:
    """However often they are called, there is one, and it imports nothing itself."""
    import importlib.util
    import sys

    import ididi_scopefix
    from tests.imports.calls import finders, raises

    first, *others = sys.meta_path
    path = importlib.util.find_spec("ididi").submodule_search_locations
    assert first.find_spec("ididi.graph", path).name == "ididi.graph"
    assert not {"ididi", "wrapt", "ididi_scopefix._activation"} & {*sys.modules}
    for call, state in (("deactivate", "disabled"), ("activate", "waiting")) * 2:
        for _ in range(2):
            assert getattr(ididi_scopefix, call)().state == state
            found = first.find_spec("ididi.graph", path)
            assert (found is not None) is (call == "activate")
    assert sys.meta_path[0] is first
    assert sys.meta_path[1:] == others
    assert finders() == 1
    ididi_scopefix.deactivate()
    assert raises()
    assert ididi_scopefix.activate().state == "active"
    assert not raises()


@pytest.mark.child
def test_a_finder_that_was_removed_is_missed() -> None:
    """The status says that nothing waits for ididi, and how to get it back."""
    import sys

    import ididi_scopefix
    from tests.imports.calls import check_patched

    sys.meta_path = sys.meta_path[1:]
    status = ididi_scopefix.status()
    assert status.state == "disabled"
    assert "activate()" in status.reason
    assert ididi_scopefix.activate().state == "waiting"
    check_patched()


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.child
def test_the_finder_of_wrapt_is_not_needed(again: bool) -> None:
    """A test suite restores the list of finders, and wrapt's is gone."""
    import sys

    from tests.imports.calls import check_patched, remove

    finders = list(sys.meta_path)
    if again:
        check_patched()
        sys.meta_path[:] = finders
        remove("ididi")
    import wrapt

    wrapt.register_post_import_hook(lambda module: None, "of_nobody")
    sys.meta_path[:] = finders
    check_patched()


@pytest.mark.child(out="ididi.graph True\nididi\nlate True\n")
def test_hooks_that_a_program_gave_to_wrapt_are_called() -> None:
    """They find a module that is patched, in time and late."""
    import wrapt

    import ididi_scopefix

    def tell(module):
        print(module.__name__, ididi_scopefix.status().state == "active")

    wrapt.register_post_import_hook(tell, "ididi.graph")
    wrapt.register_post_import_hook(lambda module: print(module.__name__), "ididi")
    import ididi.graph

    ididi.graph.__name__ = "late"
    wrapt.register_post_import_hook(tell, "ididi.graph")


@pytest.mark.child
def test_ididi_that_came_past_the_finder_is_no_secret() -> None:
    """A library's import hook found it; activate() patches it."""
    import sys
    from importlib.machinery import PathFinder

    import ididi_scopefix
    from tests.imports.calls import check_patched, check_unpatched, raises

    class Past:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] == "ididi":
                return PathFinder.find_spec(name, path, target)
            return None

    sys.meta_path.insert(0, Past())
    assert raises()
    check_unpatched("failed", "past the finder; activate() patches it")
    assert ididi_scopefix.activate().state == "active"
    check_patched()

"""The finder of the shim beside those of other libraries."""

from __future__ import annotations

import pytest


@pytest.mark.child
def test_a_finder_in_front_is_asked_once_for_each_module() -> None:
    """The finder of the shim asks only those behind it."""
    import sys

    from tests.imports.calls import check_patched

    class Front:
        def find_spec(self, name, path=None, target=None):
            asked.append(name)

    asked = []
    sys.meta_path.insert(0, Front())
    check_patched()
    assert asked.count("ididi") == asked.count("ididi.graph") == 1


@pytest.mark.child
def test_a_finder_may_ask_all_the_others_again() -> None:
    """It stands behind that of the shim, which it asks again."""
    import sys

    from tests.imports.calls import check_patched

    class Again:
        def find_spec(self, name, path=None, target=None):
            others = [each for each in sys.meta_path if each is not self]
            specs = (each.find_spec(name, path, target) for each in others)
            return next(filter(None, specs), None)

    sys.meta_path.insert(1, Again())
    check_patched()


@pytest.mark.child
def test_a_finder_without_find_spec_is_skipped() -> None:
    """Python skips it, too."""
    import sys

    from tests.imports.calls import check_patched

    class Old:
        def find_module(self, name, path=None):
            return None

    sys.meta_path.insert(1, Old())
    check_patched()


@pytest.mark.unchanged
@pytest.mark.child
def test_finders_are_not_compared_with_each_other() -> None:
    """A finder may be equal to everything, or refuse to be compared."""
    import sys

    import ididi_scopefix

    class Incomparable:
        def __eq__(self, other):
            raise RuntimeError("compared")

        def find_spec(self, name, path=None, target=None):
            return None

    sys.meta_path.insert(0, Incomparable())
    for call in (ididi_scopefix.deactivate, ididi_scopefix.activate):
        call()
        ididi_scopefix.status()
    import ididi

    assert ididi
    ididi_scopefix.status()


@pytest.mark.child
def test_finding_ididi_does_not_import_it() -> None:
    """Whoever only asks where it is gets its spec, and it is patched later."""
    import importlib.util
    import sys

    from tests.imports.calls import check_patched

    for _ in range(2):
        assert importlib.util.find_spec("ididi").name == "ididi"
        assert not {"ididi", "wrapt", "ididi_scopefix._activation"} & {*sys.modules}
    check_patched()


@pytest.mark.child
def test_an_importer_may_replace_the_list_of_finders() -> None:
    """It wraps all finders that are there, or makes a list of its own."""
    import sys

    from tests.imports.calls import check_patched

    class All:
        def __init__(self, finders):
            self.finders = finders

        def find_spec(self, name, path=None, target=None):
            specs = (each.find_spec(name, path, target) for each in self.finders)
            return next(filter(None, specs), None)

    ours, *others = sys.meta_path
    sys.meta_path = [ours, All(others)]
    check_patched()


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
def test_a_hook_may_replace_what_it_is_given() -> None:
    """A program's own hook wraps a method; that stays, and the call is answered."""
    import wrapt

    import ididi_scopefix
    from tests.imports.calls import check_patched

    calls = []

    def count(wrapped, instance, arguments, keywords):
        calls.append(instance)
        return wrapped(*arguments, **keywords)

    def wrap(module):
        wrapt.wrap_function_wrapper(module, "Resolver.use_scope", count)

    import ididi

    if type(ididi.Graph.use_scope).__name__ == "function":  # not a compiled one
        wrapt.register_post_import_hook(wrap, "ididi.graph")
        check_patched()
        assert len(calls) == 1
        ididi_scopefix.deactivate()
        ididi_scopefix.activate()
        check_patched()
        assert len(calls) == 2
    else:
        check_patched()


@pytest.mark.child
def test_ididi_that_came_past_the_finder_is_no_secret() -> None:
    """A library's import hook found it; activate() patches it."""
    import importlib.util
    import sys
    from importlib.machinery import PathFinder

    import ididi_scopefix
    from tests.imports.calls import check_patched, raises

    class Past:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] == "ididi":
                return PathFinder.find_spec(name, path, target)
            return None

    assert importlib.util.find_spec("ididi")
    sys.meta_path.insert(0, Past())
    assert raises()
    status = ididi_scopefix.status()
    assert status.state == "failed"
    assert "past the finder" in status.reason
    assert "activate()" in status.reason
    assert ididi_scopefix.activate().state == "active"
    check_patched()


@pytest.mark.unchanged
@pytest.mark.child(out="No module named 'ididi'\n" * 2)
def test_an_ididi_that_is_not_there_is_not_found() -> None:
    """The error is Python's own, and nothing else is to be seen."""
    import sys

    class Empty:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] == "ididi":
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    sys.meta_path.insert(1, Empty())
    for name in ("ididi", "ididi.graph"):
        try:
            __import__(name)
        except ModuleNotFoundError as error:
            print(error)


@pytest.mark.child
def test_each_call_of_activate_leaves_one_finder_in_front() -> None:
    """Finders behind it are asked after it; a deactivated one finds nothing."""
    import importlib.util
    import sys

    import ididi_scopefix
    from tests.imports.calls import finders, raises

    first, *others = sys.meta_path
    assert type(first).__module__ == "ididi_scopefix"
    path = importlib.util.find_spec("ididi").submodule_search_locations
    for call, state in (("deactivate", "disabled"), ("activate", "waiting")) * 2:
        for _ in range(2):
            assert getattr(ididi_scopefix, call)().state == state
            found = first.find_spec("ididi.graph", path)
            assert (found is not None) is (call == "activate")
    assert [each for each in sys.meta_path if each is not first] == others
    assert sys.meta_path[0] is first
    assert finders() == 1
    ididi_scopefix.deactivate()
    assert raises()
    assert ididi_scopefix.activate().state == "active"
    assert not raises()
    ididi_scopefix.deactivate()
    assert raises()

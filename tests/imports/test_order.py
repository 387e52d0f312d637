"""The shim comes before ididi, after it, or in the middle of its import."""

from __future__ import annotations

import pytest

# Without start-up files, so that nothing has imported the shim.
bare = pytest.mark.child(options=["-S"], env={"PYTHONPATH": "{sites}"})


@pytest.mark.parametrize("first", ["ididi", "ididi.graph", "ididi_scopefix"])
@bare
def test_the_shim_may_come_before_ididi_or_after(sites: str, first: str) -> None:
    """What is imported already is patched at once."""
    __import__(first)
    import ididi_scopefix
    from tests.imports.calls import check_patched

    assert (ididi_scopefix.status().state == "active") is (first != "ididi_scopefix")
    check_patched()


@pytest.mark.parametrize("name", ["ididi.config", "ididi.graph", "ididi._ds"])
@bare
def test_the_shim_may_come_in_the_middle_of_an_import(sites: str, name: str) -> None:
    """In the middle of ididi.graph it waits, and patches as soon as it is asked."""
    import importlib
    import sys

    from tests.imports.calls import check_patched

    class Middle:
        def find_spec(self, fullname, path=None, target=None):
            if fullname == name and self in sys.meta_path:
                sys.meta_path.remove(self)
                import ididi_scopefix

                status = ididi_scopefix.activate()
                assert status.state == "waiting"
                assert "being imported" in status.reason

    sys.meta_path.insert(0, Middle())
    importlib.import_module("ididi")
    import ididi_scopefix

    if name != "ididi.config":  # Python had asked the finders by then
        ididi_scopefix.activate()
    check_patched()


@pytest.mark.parametrize("call", ["status", "activate"])
@pytest.mark.parametrize("name", ["ididi.config", "ididi._ds", "ididi.graph"])
@pytest.mark.child
def test_the_shim_may_be_asked_during_an_import(call: str, name: str) -> None:
    """Other libraries' hooks ask it; ididi is patched none the less."""
    import wrapt

    import ididi_scopefix
    from tests.imports.calls import check_patched

    def ask(module):
        status = getattr(ididi_scopefix, call)()
        states.append(status.state)
        assert status.ididi_version is not None
        assert status.state == "active" or "being imported" in status.reason

    states = []
    wrapt.register_post_import_hook(ask, name)
    check_patched()
    assert states == ["active" if name == "ididi.graph" else "waiting"]


@pytest.mark.child
def test_deactivating_during_an_import_keeps_ididi_as_it_is() -> None:
    """The loaders have been hooked by then, and do nothing more."""
    import wrapt

    import ididi_scopefix
    from tests.imports.calls import check_patched

    wrapt.register_post_import_hook(
        lambda module: ididi_scopefix.deactivate(), "ididi._ds"
    )
    import ididi.graph

    assert type(ididi.graph._SCOPE_CONTEXT).__name__ == "ContextVar"
    assert ididi_scopefix.status().state == "disabled"
    assert ididi_scopefix.activate().state == "active"
    check_patched()


@pytest.mark.unchanged
@pytest.mark.parametrize("module", ["_activation", "_variable"])
@pytest.mark.parametrize("error", ["ImportError", "KeyboardInterrupt"])
@bare
def test_an_interrupt_passes_where_an_error_does_not(
    sites: str, error: str, module: str
) -> None:
    """A package that is half removed is no error; whoever presses Ctrl-C is obeyed."""
    import builtins
    import os
    import sys

    class Raising:
        def find_spec(self, name, path=None, target=None):
            if name == f"ididi_scopefix.{module}":
                raise getattr(builtins, error)

    __import__("ididi")
    sys.meta_path.insert(0, Raising())
    try:
        __import__("ididi_scopefix")
    except KeyboardInterrupt:
        assert error == "KeyboardInterrupt"
    else:
        assert error == "ImportError" or "IDIDI_SCOPEFIX" in os.environ


@pytest.mark.parametrize("error", ["KeyboardInterrupt", "TimeoutError", "LimitError"])
@pytest.mark.child
def test_an_interrupt_of_an_import_can_be_tried_again(error: str) -> None:
    """What arrives while we prepare, or while ididi is loaded, reaches the program."""
    import builtins
    import sys

    import ididi_scopefix
    from tests.imports.calls import check_patched

    class LimitError(Exception):
        """What a program's signal handler raises."""

    kind = getattr(builtins, error, LimitError)

    class Interrupting:
        def find_spec(self, name, path=None, target=None):
            if name == coming:
                raise kind(name)

        def find_distributions(self, *args, **kwargs):
            if coming == "metadata":
                raise kind(coming)
            return ()

    sys.meta_path.insert(0, Interrupting())
    ours = ("ididi_scopefix._activation", "wrapt")
    for coming in (*ours, "metadata", "ididi.graph", "ididi._ds"):
        try:
            __import__("ididi")
        except kind as interrupt:
            assert str(interrupt) == coming
        else:
            raise AssertionError(f"somebody swallowed {coming}")
    coming = ""
    assert ididi_scopefix.status().state == "waiting"
    check_patched()

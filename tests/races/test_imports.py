"""Many threads, and the first import of ididi."""

from __future__ import annotations

import importlib
import sys
import threading
from contextlib import suppress
from types import SimpleNamespace

import pytest

import ididi_scopefix
from ididi_scopefix import _activation, _finder
from tests import children, shape

IMPORT = """
import os, sys, threading
THREADS = 16
sys.setswitchinterval(1e-6)
{activate}
barrier = threading.Barrier(THREADS)
errors = []

def work(number):
    import importlib
    barrier.wait()
    try:
        {work}
    except BaseException as error:
        # Python's own, with plain ididi too: the package and a module of it,
        # each imported by a thread that waits for the other.
        if "deadlock detected by _ModuleLock" not in str(error):
            errors.append(error)

threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(100)
assert not any(thread.is_alive() for thread in threads), "a deadlock"
assert not errors, errors

import ididi, ididi_scopefix
from contextvars import Context
assert ididi_scopefix.activate().state == "active", ididi_scopefix.status()
Context().run(Context().run(ididi.Graph).use_scope)

def calls_of_ours():
    # Each function of the shim that runs in a context that is seeded.
    folder = os.path.dirname(ididi_scopefix.__file__)
    calls = []

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(folder):
            calls.append(frame.f_code.co_name)

    def request():
        graph.use_scope()
        sys.setprofile(note)
        try:
            graph.use_scope()
            with graph.scope():
                pass
            ididi.Graph()
        finally:
            sys.setprofile(None)

    graph = Context().run(ididi.Graph)
    Context().run(request)
    return calls

found = calls_of_ours()
ididi_scopefix.deactivate()
assert ididi_scopefix.activate().state == "active"
assert found == calls_of_ours() != [], "patched twice"
ididi_scopefix.deactivate()
import pytest
with pytest.raises(LookupError):
    Context().run(Context().run(ididi.Graph).use_scope)
"""
ARMED = "import ididi_scopefix"


def run(work: str, activate: str = ARMED) -> None:
    """Run *work* in many threads of a fresh interpreter."""
    children.run(IMPORT.format(activate=activate, work=work))


@pytest.mark.parametrize("_", range(3))
def test_threads_that_import_ididi_at_once_find_it_patched(_: int) -> None:
    """Whichever of them is first, and no graph is built unpatched."""
    run(
        "import ididi\n"
        "        from contextvars import Context\n"
        "        Context().run(Context().run(ididi.Graph).use_scope)"
    )


@pytest.mark.parametrize("_", range(3))
def test_threads_may_import_the_package_and_the_module_at_once(_: int) -> None:
    """One begins with ``ididi``, others with ``ididi.graph``."""
    run("importlib.import_module('ididi.graph' if number else 'ididi')")


def test_threads_may_import_what_the_hook_needs_at_the_same_time() -> None:
    """The locks of the import system are no trap for the hook."""
    run(
        "importlib.import_module("
        "['ididi', 'packaging.version', 'wrapt', 'importlib.metadata',"
        " 'packaging.specifiers', 'ididi.graph', 'asyncio', 'inspect'][number % 8])"
    )


@pytest.mark.parametrize("activate", ["import threading", ARMED])
def test_threads_may_activate_while_others_import_ididi(activate: str) -> None:
    """The shim may come before, with or after its victim."""
    run(
        "importlib.import_module(['ididi', 'ididi_scopefix'][number % 2])\n"
        "        if number % 2:\n"
        "            import ididi_scopefix\n"
        "            ididi_scopefix.activate(); ididi_scopefix.status()",
        activate,
    )


@pytest.mark.parametrize(
    ("first", "fails", "state"),
    [(False, False, "active"), (False, True, "waiting"), (True, False, "active")],
    ids=["activate()", "activate(), and the import fails", "the shim's first import"],
)
def test_activating_waits_for_a_thread_that_imports_ididi(
    first: bool, fails: bool, state: str
) -> None:
    """It is too late for the finder, and nothing else would patch that ididi.

    Whether the import fails is that thread's affair.
    """
    children.run(
        f"""
        import sys, threading
        import ididi_scopefix, wrapt
        ididi_scopefix.deactivate()
        reached, go_on, failing = (threading.Event() for _ in range(3))

        class Failing:
            def find_spec(self, name, path=None, target=None):
                if name == "ididi._ds" and failing.is_set():
                    raise ImportError

        def pause(module):
            reached.set()
            go_on.wait(60)
            if {fails}:
                failing.set()
                raise ImportError

        def work():
            if {first}:
                for name in [each for each in sys.modules if "scopefix" in each]:
                    del sys.modules[name]
                import ididi_scopefix as shim
                states.append(shim.status().state)
            else:
                states.append(ididi_scopefix.activate().state)

        def is_waiting():
            frame = sys._current_frames().get(activating.ident)
            while frame is not None:
                code = frame.f_code
                if code.co_name == "acquire" and "importlib" in code.co_filename:
                    return True
                frame = frame.f_back
            return False

        states = []
        sys.meta_path.insert(0, Failing())
        # The code of ididi.graph is running, and has imported this.
        wrapt.register_post_import_hook(pause, "ididi._ds")
        threading.excepthook = lambda error: None
        importing = threading.Thread(target=__import__, args=("ididi",))
        activating = threading.Thread(target=work)
        importing.start()
        assert reached.wait(60)
        activating.start()
        while activating.is_alive() and not is_waiting():
            pass
        go_on.set()
        importing.join()
        activating.join()
        assert states == ["{state}"], states
        """
    )


@pytest.mark.skipif(
    not shape.has_mutable_classes(), reason="a compiled module has one patch, a proxy"
)
def test_threads_that_make_a_patch_at_once_use_one_of_them() -> None:
    """The other one would be around it, and make each call slower."""
    children.run(
        """
        import gc, threading, types
        import ididi.graph, ididi_scopefix
        ididi_scopefix.deactivate()
        for _ in range(3):  # PyPy needs more than one
            gc.collect()

        met, met_by = threading.Barrier(2, timeout=30), set()

        class Meeting(types.ModuleType):
            def __getattribute__(self, name):
                thread = threading.get_ident()
                if name == "DefaultScopeName" and thread not in met_by:
                    # Each makes its patch, and neither has put it into force.
                    met_by.add(thread)
                    met.wait()
                return super().__getattribute__(name)

        original = vars(ididi.graph.Resolver)["use_scope"]
        ididi.graph.__class__ = Meeting
        threads = [threading.Thread(target=ididi_scopefix.activate) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(met_by) == 2 and not met.broken
        assert ididi_scopefix.status().state == "active"
        assert vars(ididi.graph.Resolver)["use_scope"].__wrapped__ is original
        """
    )


@pytest.mark.unchanged
def test_deactivating_waits_for_no_thread_if_none_imports() -> None:
    """It looks at the other threads once."""
    children.run(
        """
        import sys
        from unittest import mock
        import ididi_scopefix

        frames = sys._current_frames
        with mock.patch.object(sys, "_current_frames", side_effect=frames) as look:
            ididi_scopefix.deactivate()
        assert look.call_count == 1, look.call_count
        """
    )


@pytest.mark.parametrize(
    "again", [pytest.param(False, marks=pytest.mark.unchanged), True]
)
def test_deactivating_waits_for_a_thread_that_asks_the_finders(
    monkeypatch: pytest.MonkeyPatch, again: bool
) -> None:
    """It would skip one if the list became shorter meanwhile, or find itself again."""
    asked, waited, done = (threading.Event() for _ in range(3))

    class Waiting:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "of_no_finder":
                asked.set()
                while not waited.wait(0.001) and _activation.is_armed():
                    pass

    class Last:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "of_no_finder":
                done.set()

    def sleep(_: float) -> None:
        if again and not waited.is_set():
            ididi_scopefix.activate()
        waited.set()
        thread.join()

    def search() -> None:
        with suppress(ImportError):
            importlib.import_module("of_no_finder")

    finders = [each for each in sys.meta_path if each is not _finder]
    behind = [Waiting(), Last(), *finders]
    monkeypatch.setattr(sys, "meta_path", [_finder, *behind])
    monkeypatch.setattr(_activation, "time", SimpleNamespace(sleep=sleep))
    thread = threading.Thread(target=search)
    thread.start()
    asked.wait()
    ididi_scopefix.deactivate()
    thread.join()
    assert waited.is_set()
    assert done.is_set()
    assert _activation.is_armed() is again
    assert [each for each in sys.meta_path if each is not _finder] == behind

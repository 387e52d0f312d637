"""The finder and its loader among what tools and other libraries do to imports."""

from __future__ import annotations

import os

import pytest

from tests import children


def test_activating_in_the_middle_of_the_import_waits_for_its_end() -> None:
    """Without a warning, and with the module patched then."""
    finished = children.run(
        """
        import importlib.metadata, ididi_scopefix, wrapt
        states = []

        def activate(module):
            states.append(ididi_scopefix.activate().state)

        wrapt.register_post_import_hook(activate, "ididi._ds")
        import ididi
        assert states == ["waiting"], states
        status = ididi_scopefix.status()
        assert status.state == "active", status
        assert status.ididi_version == importlib.metadata.version("ididi")
        """
    )
    assert finished.stderr == ""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork()")
def test_a_child_imports_ididi_though_a_thread_of_its_parent_held_the_lock() -> None:
    """That thread is not there to release it."""
    children.run(
        """
        import os, signal, threading
        import ididi_scopefix
        from ididi_scopefix import _activation

        held, done = threading.Event(), threading.Event()

        def hold():
            with _activation.lock:
                held.set()
                done.wait(60)

        thread = threading.Thread(target=hold)
        thread.start()
        held.wait(60)
        child = os.fork()
        if not child:
            signal.alarm(30)
            import ididi
            os._exit(0 if ididi_scopefix.status().state == "active" else 1)
        assert os.waitpid(child, 0)[1] == 0
        done.set()
        thread.join()
        """
    )


COMPARED = """
import copy, importlib.machinery, importlib.util, pickle
spec = importlib.util.find_spec("ididi")
own = importlib.machinery.SourceFileLoader("ididi", spec.origin)
assert {question}
"""


@pytest.mark.parametrize(
    "question",
    [
        "copy.copy(spec.loader) is not None",
        "copy.deepcopy(spec).name == 'ididi'",
        "pickle.loads(pickle.dumps(spec)).name == 'ididi'",
        "spec == importlib.util.find_spec('ididi')",
        "spec.loader == own and own == spec.loader",
        "hash(spec.loader) == hash(own)",
        "repr(spec.loader).partition(' at ')[0] == repr(own).partition(' at ')[0]",
    ],
)
def test_a_spec_is_copied_and_compared_as_ever(question: str) -> None:
    """Tools that cache what they find, or find it in another process."""
    program = COMPARED.format(question=question)
    children.run(program, IDIDI_SCOPEFIX="0")
    children.run(f"import ididi_scopefix\n{program}")


LAZILY = """
import importlib.util, sys

spec = importlib.util.find_spec("ididi")
spec.loader = importlib.util.LazyLoader(spec.loader)
ididi = sys.modules["ididi"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(ididi)
"""


@pytest.mark.parametrize("then", ["import wave", "ididi_scopefix.status()"])
def test_a_module_that_is_imported_lazily_is_loaded_when_it_is_used(then: str) -> None:
    """By the recipe in importlib's documentation, and not before."""
    children.run(
        f"""import ididi_scopefix
{LAZILY}
{then}
assert "ididi.graph" not in sys.modules, "it was loaded"
"""
    )


def test_a_module_that_is_imported_lazily_is_patched_when_it_is_used() -> None:
    """Whoever uses it first."""
    children.run(
        f"""import ididi_scopefix
from contextvars import Context
{LAZILY}
graph = Context().run(ididi.Graph)
Context().run(graph.use_scope)
assert ididi_scopefix.status().state == "active"
"""
    )


def test_a_module_that_is_imported_anew_is_not_loaded_by_a_question() -> None:
    """Whoever asks for the status holds a lock that the code of ididi may need."""
    children.run(
        """
import ididi, ididi_scopefix, importlib.util, sys

del sys.modules["ididi.graph"]
spec = importlib.util.find_spec("ididi.graph")
spec.loader = importlib.util.LazyLoader(spec.loader)
graph = sys.modules["ididi.graph"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(graph)
ididi_scopefix.status()
assert type(graph).__name__ == "_LazyModule", "it was loaded"
"""
    )


def test_a_module_that_does_not_let_its_loader_be_set_is_patched() -> None:
    """A library may make modules of a class of its own."""
    children.run(
        """
import importlib.machinery, sys, types
import ididi_scopefix

class Module(types.ModuleType):
    @property
    def __loader__(self):
        return self.__spec__.loader

class Loader:
    def __init__(self, loader):
        self.exec_module = loader.exec_module

    def create_module(self, spec):
        return Module(spec.name)

class Finder:
    def find_spec(self, name, path=None, target=None):
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if name.partition(".")[0] == "ididi":
            spec.loader = Loader(spec.loader)
        return spec

sys.meta_path.insert(1, Finder())
import ididi.graph
assert type(ididi.graph) is Module
assert ididi_scopefix.status().state == "active", ididi_scopefix.status()
"""
    )

"""The finder and its loader among what tools and other libraries do to imports."""

from __future__ import annotations

import os
import sys

import pytest

from tests import children

EVERYWHERE = os.pathsep.join(filter(None, sys.path))


def test_the_shim_may_be_imported_after_ididi() -> None:
    """Where no start-up file has been read."""
    children.run(
        """
        import ididi, sys
        from contextvars import Context
        assert "ididi_scopefix" not in sys.modules
        graph = Context().run(ididi.Graph)
        import ididi_scopefix
        # First of all: with the next import, it would be patched anyway.
        Context().run(graph.use_scope)
        assert "ididi_scopefix" in type(sys.meta_path[0]).__module__
        assert ididi_scopefix.status().state == "active"
        """,
        "-S",
        PYTHONPATH=EVERYWHERE,
    )


COUNTING = """
import sys
import ididi_scopefix

class Counting:
    def __init__(self):
        self.asked = []

    def find_spec(self, name, path=None, target=None):
        if name in ("ididi", "ididi.graph"):
            self.asked.append(name)
            return self.found(name, path, target)

    def found(self, name, path, target):
        return None

class Walking(Counting):
    def found(self, name, path, target):
        for finder in sys.meta_path:
            if finder is not self and (spec := finder.find_spec(name, path, target)):
                return spec

def is_ours(finder):
    return "ididi_scopefix" in type(finder).__module__

(index,) = [i for i, finder in enumerate(sys.meta_path) if is_ours(finder)]
"""


def test_a_finder_before_the_shim_s_is_asked_once() -> None:
    """And one behind it as well."""
    children.run(
        COUNTING
        + """
before, behind = Counting(), Counting()
sys.meta_path.insert(index + 1, behind)
sys.meta_path.insert(index, before)
import ididi
assert before.asked == behind.asked == ["ididi", "ididi.graph"]
assert ididi_scopefix.status().state == "active"
"""
    )


def test_a_finder_that_asks_all_others_is_asked_once() -> None:
    """Ours among them, which asks it in turn."""
    children.run(
        COUNTING
        + """
walking = Walking()
sys.meta_path.insert(index + 1, walking)
import ididi
assert walking.asked == ["ididi", "ididi.graph"], walking.asked
assert ididi_scopefix.status().state == "active"
"""
    )


def test_the_finder_arms_itself_in_front() -> None:
    """Who came in between may load ididi itself."""
    children.run(
        COUNTING
        + """
ididi_scopefix.deactivate()
assert not any(map(is_ours, sys.meta_path))
sys.meta_path.insert(0, Counting())
ididi_scopefix.activate()
assert is_ours(sys.meta_path[0])
"""
    )


def test_an_interrupt_of_the_hook_ends_the_import() -> None:
    """As one at any other moment of it would, and the next one succeeds."""
    children.run(
        """
        import logging
        import ididi_scopefix

        class Interrupted(logging.Handler):
            def emit(self, record):
                logging.root.removeHandler(self)
                raise KeyboardInterrupt

        logging.basicConfig(level=logging.INFO, handlers=[Interrupted()])
        try:
            import ididi
        except KeyboardInterrupt:
            pass
        else:
            raise AssertionError("it was swallowed")
        import ididi
        assert ididi_scopefix.status().state == "active"
        """
    )


def test_the_hook_is_registered_once_however_often_an_import_fails() -> None:
    """wrapt would call it as often."""
    children.run(
        """
        import sys, unittest.mock, wrapt
        import ididi_scopefix
        register = wrapt.register_post_import_hook
        with unittest.mock.patch.object(
            wrapt, "register_post_import_hook", side_effect=register
        ) as registering:
            for _ in range(3):
                sys.modules["ididi._ds"] = None
                try:
                    import ididi
                except ImportError:
                    pass
                else:
                    raise AssertionError("ididi has imported what was not there")
            del sys.modules["ididi._ds"]
            import ididi
        assert registering.call_count == 1
        assert ididi_scopefix.status().state == "active"
        """
    )


def test_activating_in_the_middle_of_the_import_waits_for_its_end() -> None:
    """Without a warning, and with the module patched then."""
    finished = children.run(
        """
        import ididi_scopefix, wrapt
        states = []

        def activate(module):
            states.append(ididi_scopefix.activate().state)

        wrapt.register_post_import_hook(activate, "ididi._ds")
        import ididi
        assert states == ["waiting"], states
        assert ididi_scopefix.status().state == "active"
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

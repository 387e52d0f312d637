"""ididi is patched, in whichever order and by whatever finder it is imported."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests import children

if TYPE_CHECKING:
    import subprocess

USE = """
from contextvars import Context
print(Context().run(Context().run(ididi.Graph).use_scope).name)
print(ididi_scopefix.status().state)
"""
WORKS = "__ididi_default_scope__\nactive\n"


def without_start_up_files(code: str) -> subprocess.CompletedProcess[str]:
    """Run *code* where nothing has imported the shim."""
    return children.run(code, "-S", PYTHONPATH=os.pathsep.join(filter(None, sys.path)))


@pytest.mark.parametrize("module", ["ididi", "ididi.graph"])
def test_the_shim_may_be_imported_after_ididi(module: str) -> None:
    """What is imported already is patched at once, and not with the next import."""
    code = f"import {module}, ididi_scopefix{USE}"

    assert without_start_up_files(code).stdout == WORKS


def test_the_shim_may_be_imported_before_ididi() -> None:
    """Without a start-up file, too."""
    code = f"import ididi_scopefix, ididi{USE}"

    assert without_start_up_files(code).stdout == WORKS


def test_the_shim_may_be_imported_in_the_middle_of_ididi() -> None:
    """The module is there, and its code has not run."""
    finished = without_start_up_files(
        f"""
import sys

class Importing:
    def find_spec(self, name, path=None, target=None):
        if name == "ididi.graph":
            sys.meta_path.remove(self)
            import ididi_scopefix
            print(ididi_scopefix.status().state)

sys.meta_path.insert(0, Importing())
import ididi, ididi_scopefix{USE}"""
    )

    assert finished.stdout == f"waiting\n{WORKS}"
    assert finished.stderr == ""


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


def test_a_finder_that_starts_again_from_the_first_is_asked_once() -> None:
    """It stands behind ours, and asks ours again."""
    finished = children.run(
        f"""
import sys, ididi_scopefix

class Again:
    def find_spec(self, name, path=None, target=None):
        if name.startswith("ididi"):
            print(name)
        for finder in sys.meta_path:
            if finder is not self:
                spec = finder.find_spec(name, path, target)
                if spec is not None:
                    return spec

sys.meta_path.insert(1, Again())
import ididi.graph
sys.meta_path.pop(1){USE}"""
    )

    names = finished.stdout.splitlines()
    assert names.count("ididi") == names.count("ididi.graph") == 1
    assert names[-1] == "active"


def test_finders_in_front_are_asked_once() -> None:
    """Ours asks only those behind it."""
    finished = children.run(
        """
        import sys, ididi_scopefix

        class Front:
            def find_spec(self, name, path=None, target=None):
                if name in ("ididi", "ididi.graph"):
                    print(name)

        sys.meta_path.insert(0, Front())
        import ididi
        """
    )

    assert finished.stdout == "ididi\nididi.graph\n"


def test_activating_waits_in_front_of_the_other_finders() -> None:
    """As the start does: those behind may find ididi first."""
    children.run(
        """
        import sys, ididi_scopefix

        first = sys.meta_path[0]
        others = [each for each in sys.meta_path if each is not first]
        ididi_scopefix.deactivate()
        assert sys.meta_path == others
        ididi_scopefix.activate()
        ididi_scopefix.activate()
        assert sys.meta_path == [first, *others]
        """
    )


def test_a_finder_that_finds_all_but_builtins_does_not_switch_the_shim_off() -> None:
    """Ours stands before it from the first module that it has not found."""
    finished = children.run(
        f"""
import sys, ididi_scopefix
from importlib.machinery import BuiltinImporter, PathFinder

class Rewriting:
    def find_spec(self, name, path=None, target=None):
        if spec := PathFinder.find_spec(name, path):
            return spec
        if "ididi.graph" in sys.modules:
            if spec := BuiltinImporter.find_spec(name):
                return spec
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

first, rewriting = sys.meta_path[0], Rewriting()
sys.meta_path.insert(0, rewriting)
import ididi
import colorsys
others = [each for each in sys.meta_path if type(each).__module__ != "wrapt.importer"]
assert others[:3] == [first, rewriting, first], others
assert not others.count(first) > 2{USE}"""
    )

    assert finished.stdout == WORKS


def test_a_module_that_is_missing_is_missing_while_ididi_was_loaded_elsewhere() -> None:
    """The program's own module of that name was, for one."""
    children.run(
        """
        import importlib.util, sys, types, ididi_scopefix
        sys.modules["ididi"] = types.ModuleType("ididi")
        assert importlib.util.find_spec("of_nobody") is None
        try:
            import of_nobody
        except ModuleNotFoundError as error:
            assert error.name == "of_nobody", error.name
            assert str(error) == "No module named 'of_nobody'", error
        else:
            raise AssertionError("it was imported")
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


def test_an_interrupt_of_the_patching_interrupts_the_program() -> None:
    """Nobody swallows a Ctrl-C, and the next import goes on."""
    finished = children.run(
        f"""
import sys, ididi_scopefix

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name.endswith("._probe"):
            sys.meta_path.remove(self)
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
try:
    import ididi
except KeyboardInterrupt:
    print("interrupted")
import ididi
ididi_scopefix.activate(){USE}"""
    )

    assert finished.stdout == f"interrupted\n{WORKS}"


@pytest.mark.parametrize(
    ("error", "outcome"), [("ImportError", "went on"), ("KeyboardInterrupt", "ended")]
)
def test_what_an_import_after_ididi_raises(error: str, outcome: str) -> None:
    """An error leaves ididi as it was, and an interrupt interrupts the program."""
    finished = without_start_up_files(
        f"""
import sys

class Raising:
    def find_spec(self, name, path=None, target=None):
        if name == "ididi_scopefix._api":
            raise {error}

import ididi
sys.meta_path.insert(0, Raising())
try:
    import ididi_scopefix
    print("went on")
except KeyboardInterrupt:
    print("ended")
"""
    )

    assert finished.stdout + finished.stderr == outcome + "\n"


def test_each_import_registers_one_hook_and_needs_none_that_wrapt_refuses() -> None:
    """A failed import leaves its hook to the next one, a refused one asks again."""
    again = (
        f"{children.FORGET}import ididi\n"
        "print(len(calls), ididi_scopefix.status().state)"
    )
    finished = children.run(
        f"""
import logging, sys, ididi_scopefix, wrapt

logging.disable()
register, calls = wrapt.register_post_import_hook, []

def counting(hook, name):
    calls.append(name)
    if len(calls) in (1, 3):
        raise RuntimeError("refused")
    register(hook, name)

class Failing:
    left = 2
    def find_spec(self, name, path=None, target=None):
        if name == "ididi.graph" and self.left:
            self.left -= 1
            raise ImportError("not now")

wrapt.register_post_import_hook = counting
sys.meta_path.insert(0, Failing())
for _ in range(2):
    try:
        import ididi
    except ImportError as error:
        print(error, len(calls))
import ididi
print(len(calls)){USE}
{again * 2}"""
    )

    imports = f"not now 1\nnot now 2\n2\n{WORKS}"
    assert finished.stdout == f"{imports}3 active\n4 active\n"


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

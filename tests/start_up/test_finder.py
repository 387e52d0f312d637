"""What other finders, hooks and tools find in an environment with the shim."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.environments import Environment


def test_the_hooks_of_other_libraries_still_fire(installed: Environment) -> None:
    """Those registered with wrapt for ididi and for ididi.graph, once each."""
    finished = installed.run(
        """
        import sys, wrapt
        for name in ("ididi", "ididi.graph"):
            wrapt.register_post_import_hook(lambda module: print(module.__name__), name)
        import ididi
        print(sys.modules["ididi_scopefix"].status().state)
        """
    )

    assert finished.stdout == "ididi.graph\nididi\nactive\n"


def test_the_hooks_of_other_libraries_fire_on_a_patched_module(
    installed: Environment,
) -> None:
    """One that is registered while ididi is being imported counts, too."""
    finished = installed.run(
        """
        import sys
        from contextvars import Context

        class Late:
            def find_spec(self, name, path=None, target=None):
                if name == "ididi.graph" and "wrapt" in sys.modules:
                    import wrapt
                    wrapt.register_post_import_hook(hook, name)

        def hook(module):
            print(Context().run(Context().run(module.Graph).use_scope).name)

        sys.meta_path.insert(1, Late())
        import ididi
        """
    )

    assert set(finished.stdout.split()) == {"__ididi_default_scope__"}


def test_the_other_finders_are_asked_as_ever(installed: Environment) -> None:
    """None is skipped in an import of ididi, and ours stays where it is."""
    finished = installed.run(
        """
        import sys

        class Witness:
            def find_spec(self, name, path=None, target=None):
                if name in ("ididi", "ididi.graph"):
                    print(name)

        ours = next(f for f in sys.meta_path if "ididi_scopefix" in type(f).__module__)
        sys.meta_path.insert(sys.meta_path.index(ours) + 1, Witness())
        import ididi
        print(ours in sys.meta_path)
        """
    )

    lines = finished.stdout.splitlines()
    assert set(lines[:-1]) == {"ididi", "ididi.graph"}
    assert lines[-1] == "True"


def test_a_finder_that_can_not_find_is_skipped(installed: Environment) -> None:
    """Python skips one without find_spec, and so does the shim."""
    finished = installed.run(
        """
        import sys

        class WithoutFindSpec:
            # Older Pythons ask for this instead.
            def find_module(self, name, path=None):
                return None

        ours = next(f for f in sys.meta_path if "ididi_scopefix" in type(f).__module__)
        sys.meta_path.insert(sys.meta_path.index(ours) + 1, WithoutFindSpec())
        import ididi
        print(sys.modules["ididi_scopefix"].status().state)
        """
    )

    assert finished.stdout == "active\n"


def test_the_loader_that_is_found_is_the_real_one(installed: Environment) -> None:
    """Tools ask of which kind it is, before the import and after it."""
    program = """
        import importlib.machinery, importlib.util
        for name in ("ididi", "ididi.graph"):
            spec = importlib.util.find_spec(name)
            loader = spec.loader
            print(isinstance(loader, importlib.machinery.SourceFileLoader))
            print(loader.name, loader.path == spec.origin, loader.is_package(name))
        import ididi.graph
        for module in (ididi, ididi.graph):
            assert module.__loader__ is module.__spec__.loader
            print(type(module.__loader__), module.__spec__.origin == module.__file__)
        """

    plain = installed.run(program, IDIDI_SCOPEFIX="0").stdout
    assert installed.run(program).stdout == plain


def test_finding_ididi_does_not_import_it(installed: Environment) -> None:
    """Whoever only asks whether it is there gets its spec, twice the same."""
    finished = installed.run(
        """
        import importlib.util, sys
        for _ in range(2):
            print(importlib.util.find_spec("ididi").name, "ididi" in sys.modules)
        import ididi
        print(sys.modules["ididi_scopefix"].status().state)
        """
    )

    assert finished.stdout == "ididi False\nididi False\nactive\n"


def test_an_ididi_that_is_not_there_is_not_found(copy: Environment) -> None:
    """The error is the importer's own, and the only thing to be seen."""
    shutil.rmtree(copy.packages / "ididi")

    finished = copy.run(
        """
        for name in ("ididi", "ididi.graph"):
            try:
                __import__(name)
            except ModuleNotFoundError as error:
                print(error)
        """
    )

    assert finished.stdout == "No module named 'ididi'\n" * 2
    assert finished.stderr == ""

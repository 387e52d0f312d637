"""The loader of ididi stays the real one, and what others set on it is called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.imports.conftest import needs_source

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.unchanged
@needs_source
@pytest.mark.child
def test_a_loader_is_what_it_is_in_plain_ididi() -> None:
    """Tools copy what they have found, and send it to other processes."""
    import copy
    import importlib.util
    import pickle
    import sys
    from importlib.machinery import PathFinder

    name = "ididi.graph"
    path = importlib.import_module("ididi").__path__
    del sys.modules[name]
    plain = PathFinder.find_spec(name, path)
    found = importlib.util.find_spec(name)
    module = importlib.import_module(name)
    for spec in (found, copy.copy(found), copy.deepcopy(found), module.__spec__):
        loader = spec.loader
        assert type(loader) is loader.__class__ is type(plain.loader)
        assert dir(loader) == dir(plain.loader)
        assert vars(plain.loader).items() <= vars(loader).items()
        assert loader.get_filename(name) == spec.origin
        assert loader.get_source(name) == plain.loader.get_source(name)
    assert module.__spec__ == pickle.loads(pickle.dumps(module.__spec__)) == plain
    assert vars(loader) == vars(plain.loader)
    assert module.__loader__ is loader


@pytest.mark.parametrize("place", [0, 1], ids=["in front", "behind"])
@pytest.mark.parametrize(
    "method",
    [
        "create_module",
        "exec_module",
        pytest.param("get_code", marks=needs_source),
        pytest.param("get_data", marks=needs_source),
    ],
)
@pytest.mark.child
def test_what_a_finder_sets_on_a_loader_is_called(method: str, place: int) -> None:
    """Tracers wrap the methods of the loader that they have found by find_spec()."""
    import importlib.util
    import sys

    from tests.imports.calls import check_patched

    class Tracer:
        is_asking = False

        def find_spec(self, name: str, path: object = None, target: object = None):
            if self.is_asking or name != "ididi.graph":
                return None
            self.is_asking = True
            try:
                spec = importlib.util.find_spec(name)
            finally:
                self.is_asking = False
            original = getattr(spec.loader, method)

            def traced(*arguments: object) -> object:
                called.append(method)
                return original(*arguments)

            setattr(spec.loader, method, traced)
            return spec

    called: list[str] = []
    sys.meta_path.insert(place, Tracer())
    check_patched()
    assert called[:1] == [method]


@needs_source
@pytest.mark.child
def test_ididi_in_a_zip_file_is_patched(tmp_path: Path) -> None:
    """One loader serves all modules there, and nothing of the shim is left in it."""
    import shutil
    import sys
    from importlib.metadata import version

    from tests.imports.calls import check_patched
    from tests.other_releases import invent

    folder = invent(version("ididi"), tmp_path / "ididi")
    sys.path.insert(0, shutil.make_archive(str(folder), "zip", folder))
    check_patched()
    module = sys.modules["ididi.graph"]
    assert module.__file__.startswith(sys.path[0])
    for loader in (module.__loader__, module.__spec__.loader):
        assert type(loader).__name__ == "zipimporter"
        assert not {"create_module", "exec_module", "load_module"} & {*vars(loader)}


@needs_source
@pytest.mark.parametrize("kind", ["class", "proxy", "shared", "legacy"])
@pytest.mark.child(options=["-W", "ignore::ImportWarning"])
def test_a_loader_that_a_library_made_is_hooked(kind: str) -> None:
    """Frozen programs load by a class, others by one object for all modules."""
    import sys
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    import wrapt

    from tests.imports.calls import check_patched

    specs: dict[str, object] = {}

    class ByClass:
        @staticmethod
        def create_module(spec):
            return None

        @staticmethod
        def exec_module(module):
            specs[module.__name__].loader.exec_module(module)

    class Shared(ByClass):
        pass

    class Legacy:
        def load_module(self, fullname):
            module = sys.modules[fullname] = module_from_spec(specs[fullname])
            specs[fullname].loader.exec_module(module)
            return module

    loaders = {
        "class": ByClass,
        "proxy": wrapt.ObjectProxy(Shared()),
        "shared": Shared(),
        "legacy": Legacy(),
    }
    loader = loaders[kind]
    before = dict(vars(loader))

    class Finder:
        def find_spec(self, name, path=None, target=None):
            spec = PathFinder.find_spec(name, path, target)
            if name.partition(".")[0] != "ididi":
                return spec
            specs[name] = PathFinder.find_spec(name, path, target)
            spec.loader = loader
            return spec

    ours = sys.meta_path[0]
    sys.meta_path.insert(1, Finder())
    import ididi.graph

    check_patched()
    ours.find_spec("ididi.graph", ididi.__path__)  # and nobody loads it
    assert dict(vars(loader)) == before
    if kind != "legacy":  # its modules have the spec that it has made them from
        assert ididi.__spec__.loader is ididi.graph.__spec__.loader is loader
        assert ididi.graph.__loader__ is loader


@pytest.mark.parametrize(
    "name", ["ididi", pytest.param("ididi.graph", marks=needs_source)]
)
@pytest.mark.child
def test_a_lazy_module_is_patched_when_it_is_used(name: str) -> None:
    """LazyLoader loads it when the program uses it, and the shim does not use it."""
    import importlib.util
    import sys
    from contextvars import Context

    import ididi_scopefix

    if "." in name:
        importlib.import_module(name)
        del sys.modules[name]
    spec = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for call in ("status", "deactivate", "activate"):
        getattr(ididi_scopefix, call)()
        assert type(module).__name__ == "_LazyModule"
    graph = Context().run(module.Graph)
    Context().run(graph.use_scope)
    assert ididi_scopefix.status().state == "active"

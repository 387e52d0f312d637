"""The loader of ididi stays the real one, and what others set on it is called."""

from __future__ import annotations

import compileall
import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.imports.conftest import needs_source
from tests.other_releases import download

MODULES = pytest.mark.parametrize(
    "name", ["ididi", pytest.param("ididi.graph", marks=needs_source)]
)


@pytest.mark.unchanged
@MODULES
@pytest.mark.child
def test_a_loader_is_what_it_is_in_plain_ididi(name: str) -> None:
    """Its type, names and equality are the same before the import and after it."""
    import importlib.util
    import sys
    import weakref
    from importlib.machinery import PathFinder

    package = "ididi" if "." in name else None
    path = importlib.import_module(package).__path__ if package else None
    sys.modules.pop(name, None)
    plain = PathFinder.find_spec(name, path)
    before = importlib.util.find_spec(name)
    module = importlib.import_module(name)
    for spec in (before, module.__spec__):
        loader = spec.loader
        assert type(loader) is loader.__class__ is type(plain.loader)
        assert dir(loader) == dir(plain.loader)
        assert hash(loader) == hash(plain.loader)
        assert (
            repr(loader).partition(" at ")[0] == repr(plain.loader).partition(" at ")[0]
        )
        assert vars(plain.loader).items() <= vars(loader).items()
        assert weakref.ref(loader)() is loader
        assert type(loader)(name, loader.path) == plain.loader
        assert loader.get_filename(name) == spec.origin
        assert loader.get_source(name) == plain.loader.get_source(name)
        assert loader.is_package(name) is (name == "ididi")
    assert module.__spec__ == plain
    assert vars(loader) == vars(plain.loader)
    assert module.__loader__ is loader


@pytest.mark.unchanged
@pytest.mark.child
def test_a_spec_can_be_copied_and_pickled() -> None:
    """Tools keep what they have found, and send it to other processes."""
    import copy
    import importlib.util
    import pickle

    found = importlib.util.find_spec("ididi")
    for twin in (copy.copy(found), copy.deepcopy(found)):
        assert twin.origin == found.origin
        assert twin.loader.get_source("ididi") == found.loader.get_source("ididi")
    import ididi

    assert pickle.loads(pickle.dumps(ididi.__spec__)) == ididi.__spec__


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
            if self.is_asking or name not in ("ididi", "ididi.graph"):
                return None
            self.is_asking = True
            try:
                spec = importlib.util.find_spec(name)
            finally:
                self.is_asking = False
            original = getattr(spec.loader, method)

            def traced(*arguments: object) -> object:
                called.add(name)
                return original(*arguments)

            setattr(spec.loader, method, traced)
            return spec

    called: set[str] = set()
    sys.meta_path.insert(place, Tracer())
    importlib.import_module("ididi.graph")

    assert called == {"ididi", "ididi.graph"}, called
    check_patched()


def copy_of_ididi(folder: Path) -> Path:
    """Copy the package that is installed, and its metadata, into *folder*."""
    spec = importlib.util.find_spec("ididi")
    assert spec is not None
    package = Path(str(spec.origin)).parent
    (metadata,) = package.parent.glob("ididi-*.dist-info")
    for each in (package, metadata):
        shutil.copytree(each, folder / each.name)
    return folder


def sourceless(folder: Path) -> Path:
    """Return a *folder* with the bytecode of ididi instead of its source."""
    copy_of_ididi(folder)
    assert compileall.compile_dir(folder, legacy=True, quiet=1)
    for source in folder.rglob("*.py"):
        source.unlink()
    return folder


def zipped(folder: Path) -> Path:
    """Return a zip file with ididi, as PEX and shiv make them."""
    return Path(shutil.make_archive(str(folder), "zip", copy_of_ididi(folder)))


def compiled(folder: Path) -> Path:
    """Return a *folder* with a release that consists of extension modules."""
    try:
        return download("1.5.4", folder, "--only-binary=:all:")
    except subprocess.CalledProcessError:
        pytest.skip("there is no ididi 1.5.4 for this Python")


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An ididi of its own kind."""
    made: Path = request.param(tmp_path / "ididi")
    return made


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        pytest.param(copy_of_ididi, "SourceFileLoader", marks=needs_source),
        pytest.param(sourceless, "SourcelessFileLoader", marks=needs_source),
        pytest.param(zipped, "zipimporter", marks=needs_source),
        (compiled, "ExtensionFileLoader"),
    ],
    indirect=["place"],
    ids=["source", "sourceless", "zip", "extension"],
)
@pytest.mark.child
def test_ididi_is_patched_whatever_loads_it(place: Path, kind: str) -> None:
    """The loader has its own kind, and nothing of the shim is left in it."""
    import sys

    from tests.imports.calls import check_patched

    sys.path.insert(0, str(place))
    import ididi
    import ididi.graph

    check_patched()
    for module in (ididi, ididi.graph, sys.modules["ididi._ds"]):
        assert module.__file__.startswith(str(place))
        for loader in (module.__loader__, module.__spec__.loader):
            assert not {"create_module", "exec_module", "load_module"} & {*vars(loader)}
    assert type(ididi.graph.__loader__).__name__ == kind


@needs_source
@pytest.mark.parametrize(
    "kind", ["class", "slots", "proxy", "shared", "legacy", "module"]
)
@pytest.mark.child(options=["-W", "ignore::ImportWarning"])
def test_a_loader_that_a_library_made_is_hooked(kind: str) -> None:
    """Frozen programs load by a class, others by one object for all modules."""
    import sys
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec
    from types import ModuleType

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

    class Slots(ByClass):
        __slots__ = ()

    class Shared(ByClass):
        pass

    class Legacy:
        def load_module(self, fullname):
            module = sys.modules[fullname] = module_from_spec(specs[fullname])
            specs[fullname].loader.exec_module(module)
            return module

    class OwnModule(ModuleType):
        @property
        def __loader__(self):
            return self.__spec__.loader

    class ForModules(ByClass):
        def create_module(self, spec):
            return OwnModule(spec.name)

    loaders = {
        "class": ByClass,
        "slots": Slots(),
        "proxy": wrapt.ObjectProxy(Shared()),
        "shared": Shared(),
        "legacy": Legacy(),
        "module": ForModules(),
    }
    loader = loaders[kind]
    before = dir(loader)

    class Finder:
        def find_spec(self, name, path=None, target=None):
            spec = PathFinder.find_spec(name, path, target)
            if name.partition(".")[0] != "ididi":
                return spec
            specs[name] = PathFinder.find_spec(name, path, target)
            spec.loader = loader
            return spec

    sys.meta_path.insert(1, Finder())
    import ididi.graph

    check_patched()
    assert dir(loader) == before
    if kind != "legacy":  # its modules have the spec that it has made them from
        assert ididi.__spec__.loader is ididi.graph.__spec__.loader is loader


@pytest.mark.child(options=["-W", "ignore::DeprecationWarning"])
def test_load_module_of_a_loader_loads_and_patches() -> None:
    """Older tools call it, with the name and without."""
    import importlib.util

    from tests.imports.calls import check_patched

    ididi = importlib.util.find_spec("ididi").loader.load_module("ididi")
    assert ididi.__name__ == "ididi"
    check_patched()


@needs_source
@pytest.mark.child
def test_a_module_that_a_program_makes_is_its_own_affair() -> None:
    """No finder is asked for it, and so it stays what it is in plain ididi."""
    import importlib.util
    from contextvars import Context

    import ididi

    spec = importlib.util.find_spec("ididi.graph")
    spec = importlib.util.spec_from_file_location("ididi.graph", spec.origin)
    plain = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(plain)

    try:
        Context().run(Context().run(plain.Graph).use_scope)
    except LookupError:
        pass
    else:
        raise AssertionError("it is patched")
    graph = Context().run(ididi.Graph)
    Context().run(graph.use_scope)


@pytest.mark.unchanged
@MODULES
@pytest.mark.parametrize("use", ["status", "deactivate", ""])
@pytest.mark.child
def test_a_lazy_module_is_not_loaded_by_the_shim(name: str, use: str) -> None:
    """LazyLoader loads a module when the program uses it, and not before."""
    import importlib.util
    import sys

    import ididi_scopefix

    if "." in name:
        importlib.import_module(name)
        del sys.modules[name]
    spec = importlib.util.find_spec(name)
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if use:
        getattr(ididi_scopefix, use)()
    importlib.import_module("wave")
    assert type(module).__name__ == "_LazyModule"


@pytest.mark.child
def test_a_lazy_ididi_is_patched_when_it_is_used() -> None:
    """The first use of an attribute loads it, and the patch is there by then."""
    import importlib.util
    import sys
    from contextvars import Context

    spec = importlib.util.find_spec("ididi")
    spec.loader = importlib.util.LazyLoader(spec.loader)
    ididi = sys.modules["ididi"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(ididi)
    graph = Context().run(ididi.Graph)
    Context().run(graph.use_scope)
    assert sys.modules["ididi_scopefix"].status().state == "active"

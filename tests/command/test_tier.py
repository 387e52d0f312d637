"""The command is a tier of its own, and each part of it needs little."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
import typing
from pathlib import Path
from types import ModuleType

import pytest

from ididi_scopefix import command
from tests import children

FOLDER = Path(command.BOOTSTRAP)
MODULES = [module.name for module in pkgutil.iter_modules(command.__path__)]


@pytest.mark.parametrize("name", ["run", "child", "terminal", "known_releases"])
def test_what_needs_no_activation_loads_none(name: str) -> None:
    """Whoever runs a program elsewhere patches nothing here."""
    loaded = children.run(
        f"""
        import sys
        import ididi_scopefix.command.{name}
        print(*(each for each in sys.modules if each.startswith("ididi_scopefix.")))
        """
    ).stdout.split()

    assert not [each for each in loaded if "activation" in each or "patch" in each]


def test_start_up_files_need_nothing_of_run() -> None:
    """Both know the folder, from the package."""
    children.run(
        """
        import sys
        import ididi_scopefix.command.start_up_files
        assert "ididi_scopefix.command.run" not in sys.modules
        """
    )


@pytest.mark.parametrize("name", [*MODULES, "ididi_scopefix_lender"])
def test_every_annotation_can_be_evaluated(name: str) -> None:
    """By whoever does so at run time, as beartype does."""
    if name in MODULES:
        module = importlib.import_module(f"ididi_scopefix.command.{name}")
    else:
        module = _load(FOLDER / f"{name}.py")

    evaluated = 0
    for each in (module, *_functions_and_classes(module)):
        typing.get_type_hints(each)
        evaluated += 1
    assert evaluated > 1


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[path.stem]
    return module


def _functions_and_classes(owner: ModuleType | type) -> typing.Iterator[typing.Any]:
    """Return what *owner* defines, and what its classes define."""
    module = owner.__name__ if inspect.ismodule(owner) else owner.__module__
    for each in vars(owner).values():
        function = inspect.unwrap(getattr(each, "__func__", each))
        if inspect.isfunction(function) and function.__module__ == module:
            yield function
        elif inspect.isclass(each) and each.__module__ == module:
            yield each
            yield from _functions_and_classes(each)

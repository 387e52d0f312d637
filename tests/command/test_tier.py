"""The command is a tier of its own, and each part of it needs little."""

from __future__ import annotations

import importlib.util
import typing
from pathlib import Path

import pytest

from ididi_scopefix import command
from tests import children


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

    assert f"ididi_scopefix.command.{name}" in loaded
    assert not {"ididi_scopefix._activation", "ididi_scopefix._patch"} & set(loaded)


def test_start_up_files_need_nothing_of_run() -> None:
    """Both know the folder, from the package."""
    children.run(
        """
        import sys
        import ididi_scopefix.command.start_up_files
        assert "ididi_scopefix.command.run" not in sys.modules
        """
    )


def test_the_annotations_of_the_lender_can_be_evaluated() -> None:
    """It is no module of the package, and must not load typing for that."""
    path = Path(command.BOOTSTRAP, "ididi_scopefix_lender.py")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    functions = [
        *vars(module.Lender).values(),
        *vars(module._Reader).values(),
        module.import_shim,
    ]
    hints = [typing.get_type_hints(each) for each in functions if callable(each)]
    assert str in [each.get("fullname") for each in hints]


def test_a_program_that_is_run_loads_no_typing() -> None:
    """The lender is loaded into every program that is run."""
    source = Path(command.BOOTSTRAP, "ididi_scopefix_lender.py")
    code = f"""
        import sys
        sys.path.insert(0, {str(source.parent)!r})
        before = set(sys.modules)
        import ididi_scopefix_lender
        assert "typing" in before or "typing" not in sys.modules
        """
    children.run(code, "-S")

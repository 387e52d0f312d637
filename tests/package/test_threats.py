"""What SECURITY.md says of options, folders and variables is so."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.environments import Environment, run

if TYPE_CHECKING:
    from pathlib import Path

IMPORTED = "import sys; print('ididi_scopefix' in sys.modules)"


@pytest.fixture
def intruder(tmp_path: Path) -> Path:
    """A folder with a module of the package's name."""
    code = "print('intruder')\n"
    (tmp_path / "ididi_scopefix.py").write_text(code, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("options", "executed"),
    [
        ((), True),
        (("-E",), True),
        (("-I",), True),
        pytest.param(
            ("-P",),
            True,
            marks=pytest.mark.skipif(
                sys.version_info < (3, 11), reason="-P is new in Python 3.11"
            ),
        ),
        (("-S",), False),
    ],
)
def test_the_line_is_executed_but_with_s(
    installed: Environment, options: tuple[str, ...], executed: bool
) -> None:
    """In the table of interpreters."""
    assert installed.run(IMPORTED, *options).stdout == f"{executed}\n"


def test_a_module_on_pythonpath_comes_first(
    installed: Environment, intruder: Path
) -> None:
    """As a sitecustomize there would, unless PYTHONPATH is ignored."""
    here = {"folder": intruder, "PYTHONPATH": "."}

    for options in ((), ("-P",)) if sys.version_info >= (3, 11) else ((),):
        told = run(installed.python, *options, "-c", "pass", **here)
        assert told.stdout == "intruder\n"
    for option in ("-E", "-I"):
        assert run(installed.python, option, "-c", "pass", **here).stdout == ""


def test_a_module_in_the_current_folder_is_not_imported(
    installed: Environment, intruder: Path
) -> None:
    """Python puts that folder on sys.path after the line has been executed."""
    (intruder / "main.py").write_text("import ididi_scopefix\n", encoding="utf-8")

    for command in (("-c", "import ididi_scopefix"), ("main.py",), ("-m", "main")):
        assert run(installed.python, *command, folder=intruder).stdout == ""


def test_run_sets_two_variables_for_its_program(
    installed: Environment, tmp_path: Path
) -> None:
    """PYTHONPATH and the one that says where the packages are."""
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    program = (installed.python, "-S", "-c", show)
    plainly = run(*program, PYTHONPATH=str(tmp_path)).stdout
    told = run(installed.command, "run", *program, PYTHONPATH=str(tmp_path)).stdout

    before, after = json.loads(plainly), json.loads(told)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"PYTHONPATH", "IDIDI_SCOPEFIX_LENDING"}
    first, *others = after["PYTHONPATH"].split(os.pathsep)
    assert others == [str(tmp_path)]
    assert first.startswith(str(installed.packages / "ididi_scopefix"))
    lent = after["IDIDI_SCOPEFIX_LENDING"].split(os.pathsep)
    names = ("ididi_scopefix", "wrapt", "packaging")
    assert lent == [f"{name}={installed.packages}" for name in names]

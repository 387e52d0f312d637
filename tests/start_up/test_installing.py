"""Installing the shim activates it, and uninstalling removes all of it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.environments import (
    IN_AN_EMPTY_CONTEXT,
    ROOT,
    START_UP_FILE,
    Environment,
    run,
)

if TYPE_CHECKING:
    from pathlib import Path

LINE = b"import ididi_scopefix\n"
WAYS = {"wheel": ("ididi-scopefix",), "editable": ("--editable", str(ROOT))}


@pytest.mark.parametrize("way", WAYS)
def test_a_program_that_knows_nothing_of_the_shim_is_cured(
    plain: Environment, wheels: Path, tmp_path: Path, way: str
) -> None:
    """An installation of either kind does it, until it is uninstalled."""
    environment = plain.copy(tmp_path / "environment")
    before = environment.files()
    assert environment.run(IN_AN_EMPTY_CONTEXT).stdout == "LookupError\n"

    environment.pip("install", "--no-index", f"--find-links={wheels}", *WAYS[way])
    assert environment.run(IN_AN_EMPTY_CONTEXT).stdout == "request\n"
    assert (environment.packages / START_UP_FILE).read_bytes() == LINE

    environment.pip("uninstall", "--yes", "ididi-scopefix", "wrapt", "packaging")
    assert environment.files() == before
    assert environment.run(IN_AN_EMPTY_CONTEXT).stdout == "LookupError\n"


@pytest.fixture
def target(wheels: Path, installed: Environment, tmp_path: Path) -> Path:
    """A folder that ``pip install --target`` has filled."""
    folder = tmp_path / "target"
    options = ("--quiet", "--no-index", f"--find-links={wheels}")
    installed.pip("install", *options, f"--target={folder}", "ididi-scopefix")
    return folder


@pytest.fixture
def customized(tmp_path: Path) -> Path:
    """A folder with the example as its sitecustomize."""
    folder = tmp_path / "customized"
    folder.mkdir()
    example = ROOT / "sitecustomize_example.py"
    shutil.copy(example, folder / "sitecustomize.py")
    return folder


def test_the_sitecustomize_example_needs_no_start_up_line(
    plain: Environment, target: Path, customized: Path
) -> None:
    """Python reads no start-up file in the folder of a serverless layer."""
    for folders, expected in (
        ([target], "LookupError\n"),
        ([customized, target], "request\n"),
        ([customized], "LookupError\n"),  # the layer is gone
    ):
        path = os.pathsep.join(map(str, folders))
        finished = plain.run(IN_AN_EMPTY_CONTEXT, PYTHONPATH=path)
        assert finished.stdout == expected
        assert finished.stderr == ""


@pytest.mark.child(env={"PYTHONPATH": "{customized}"})
def test_all_ways_at_once_activate_once(customized: Path) -> None:
    """These are the start-up line, a sitecustomize and an import in the program."""
    import sys
    from pathlib import Path

    import ididi_scopefix
    from tests.imports.calls import check_patched

    assert Path(sys.modules["sitecustomize"].__file__).parent == customized
    ididi_scopefix.activate()
    check_patched()
    variable = sys.modules["ididi.graph"]._SCOPE_CONTEXT
    assert type(variable.original).__name__ == "ContextVar"


def test_the_package_works_in_a_zip(
    plain: Environment, installed: Environment, tmp_path: Path
) -> None:
    """A zipapp has the package in it, and has to import it itself."""
    application = tmp_path / "application"
    shutil.copytree(
        installed.packages / "ididi_scopefix", application / "ididi_scopefix"
    )
    for name in ("wrapt", "packaging"):
        shutil.copytree(installed.packages / name, application / name)
    main = "import ididi_scopefix\n" + IN_AN_EMPTY_CONTEXT
    (application / "__main__.py").write_text(main, encoding="utf-8")
    run(plain.python, "-m", "zipapp", str(application))

    zipped = str(application.with_suffix(".pyz"))
    assert run(plain.python, zipped).stdout == "request\n"
    assert run(plain.python, zipped, IDIDI_SCOPEFIX="0").stdout == "LookupError\n"

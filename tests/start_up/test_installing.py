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
    assert environment.run(IN_AN_EMPTY_CONTEXT, "-I").stdout == "request\n"
    assert (environment.packages / START_UP_FILE).read_bytes() == LINE

    environment.pip("uninstall", "--yes", "ididi-scopefix", "wrapt", "packaging")
    assert environment.files() == before
    assert environment.run(IN_AN_EMPTY_CONTEXT).stdout == "LookupError\n"


def test_the_start_up_line_only_imports_the_package() -> None:
    """It is the line of the checkout, which the wheel has to have, too."""
    assert (ROOT / START_UP_FILE).read_bytes() == LINE


def test_the_start_up_line_loads_one_module(copy: Environment) -> None:
    """Without the line, nothing is loaded and nothing is active."""
    loaded = "import sys; print([name for name in sys.modules if 'ididi' in name])"
    assert copy.run(loaded).stdout == "['ididi_scopefix']\n"

    (copy.packages / START_UP_FILE).unlink()
    assert copy.run(loaded).stdout == "[]\n"
    assert copy.run(IN_AN_EMPTY_CONTEXT).stdout == "LookupError\n"


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
    assert (
        plain.run(IN_AN_EMPTY_CONTEXT, PYTHONPATH=str(target)).stdout == "LookupError\n"
    )

    path = os.pathsep.join([str(customized), str(target)])
    assert plain.run(IN_AN_EMPTY_CONTEXT, PYTHONPATH=path).stdout == "request\n"


def test_the_sitecustomize_example_needs_no_package(
    plain: Environment, customized: Path
) -> None:
    """It is silent where the layer with the package is gone."""
    finished = plain.run("pass", PYTHONPATH=str(customized))

    assert finished.stdout + finished.stderr == ""


def test_all_ways_at_once_activate_once(
    installed: Environment, customized: Path
) -> None:
    """These are the start-up line, a sitecustomize and an import in the program."""
    finished = installed.run(
        """
        import sys
        import ididi_scopefix
        import ididi.graph
        ididi_scopefix.activate()
        print(sum("ididi_scopefix" in type(f).__module__ for f in sys.meta_path))
        print(type(ididi.graph._SCOPE_CONTEXT.original).__name__)
        """,
        PYTHONPATH=str(customized),
    )

    assert finished.stdout == "1\nContextVar\n"


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

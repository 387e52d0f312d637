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


def test_the_sitecustomize_example_needs_no_start_up_line(
    plain: Environment, installed: Environment, wheels: Path, tmp_path: Path
) -> None:
    """Python reads no start-up file in the folder of a serverless layer."""
    layer, customized = tmp_path / "layer", tmp_path / "customized"
    options = ("--quiet", "--no-index", f"--find-links={wheels}", f"--target={layer}")
    installed.pip("install", *options, "ididi-scopefix")
    customized.mkdir()
    example = ROOT / "sitecustomize_example.py"
    shutil.copy(example, customized / "sitecustomize.py")
    for folders, expected in (
        ([layer], "LookupError\n"),
        ([customized, layer], "request\n"),
        ([customized], "LookupError\n"),  # the layer is gone
    ):
        path = os.pathsep.join(map(str, folders))
        finished = plain.run(IN_AN_EMPTY_CONTEXT, PYTHONPATH=path)
        assert finished.stdout == expected
        assert finished.stderr == ""


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

"""Every command and every program in the documents is run as it stands there."""

from __future__ import annotations

import re
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from tests.docs import recipes
from tests.environments import ROOT
from tests.pythons import IS_PYPY, reads_annotations

if TYPE_CHECKING:
    from pathlib import Path

    from tests.docs.markdown import Section

NOT_IN_A_CLONE = shutil.ignore_patterns(".*", "__pycache__", "dist")


@pytest.mark.parametrize("section", recipes.sections(), ids=str)
def test_a_section_does_what_it_says(
    section: Section, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """It runs in a folder of its own, with nothing else but a clone."""
    python = sys.executable
    variables = {}
    folder = tmp_path / "folder"
    text = "".join(block.text for block in section.blocks)
    if "scopefix doctor" in text:
        request.applymarker(reads_annotations)
    if IS_PYPY and "LookupError(<ContextVar" in text:
        pytest.skip("PyPy's error does not say of which variable it is")
    if re.search(r"pip (install|wheel|uninstall)", text):
        # Where it is uninstalled it is installed before, and the other way.
        name = "installed" if "pip uninstall" in text else "plain"
        environment = request.getfixturevalue(name).copy(tmp_path / "environment")
        python = environment.python
        wheels = request.getfixturevalue("wheels")
        variables["PIP_FIND_LINKS"] = str(wheels)
        if "fastapi" not in text:
            variables["PIP_NO_INDEX"] = "1"
        clone = folder if "pip install .\n" in text else folder / "ididi-scopefix"
        shutil.copytree(ROOT, clone, ignore=NOT_IN_A_CLONE)
        if "--find-links wheels" in text:
            # They stand for the index.
            others = shutil.ignore_patterns("ididi_scopefix-*")
            shutil.copytree(wheels, folder / "wheels", ignore=others)
    if re.search(r"^uv ", text, re.MULTILINE):
        # Of what is built here, and of nothing else.
        variables["UV_FIND_LINKS"] = variables["PIP_FIND_LINKS"]
        variables["UV_NO_INDEX"], variables["UV_PYTHON"] = "1", python
        # And not into the environment of the tests, which nox names for uv.
        variables["UV_PROJECT_ENVIRONMENT"] = ".venv"

    folder.mkdir(exist_ok=True)
    recipes.Recipe(folder, python, **variables).run(section)

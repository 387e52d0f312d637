"""Every command and every program in the documents is run as it stands there."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.docs import recipes
from tests.docs.markdown import DOCUMENTS, Document
from tests.pythons import IS_PYPY, reads_annotations

if TYPE_CHECKING:
    from pathlib import Path

    from tests.docs.markdown import Section


@pytest.mark.parametrize("section", recipes.sections(), ids=str)
def test_a_section_does_what_it_says(
    section: Section, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """It runs in a folder of its own, with nothing else but a clone."""
    python = recipes.PYTHON
    variables = {}
    folder = tmp_path / "folder"
    folder.mkdir()
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
        if "ididi-scopefix" in text:
            shutil.copytree(request.getfixturevalue("clone"), folder / "ididi-scopefix")
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

    recipes.Recipe(folder, python, **variables).run(section)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_command_of_the_project_exists(path: str) -> None:
    """A target of make, or a session of nox."""
    for block in Document(path).blocks:
        if block.language not in ("sh", "console"):
            continue
        for command in recipes.commands(block):
            program, *words = command.partition("#")[0].split()
            if program == "make":
                assert words[0] in recipes.make_targets()
            elif program.endswith("nox"):
                assert words[words.index("--session") + 1] in recipes.nox_sessions()

"""Every command and every program in the documents is run as it stands there."""

from __future__ import annotations

import re
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
    """In a folder of its own, with nothing but what it says itself."""
    python = recipes.PYTHON
    variables = {}
    text = "".join(block.text for block in section.blocks)
    if "scopefix doctor" in text:
        request.applymarker(reads_annotations)
    if IS_PYPY and "LookupError(<ContextVar" in text:
        pytest.skip("PyPy's error does not say of which variable it is")
    if "pip install" in text or "pip uninstall" in text:
        # Where it is uninstalled it is installed before, and the other way.
        name = "installed" if "pip uninstall" in text else "plain"
        environment = request.getfixturevalue(name).copy(tmp_path / "environment")
        python = environment.python
        variables["PIP_FIND_LINKS"] = str(request.getfixturevalue("wheels"))
    if re.search(r"^uv ", text, re.MULTILINE):
        # Of what is built here, and of nothing else.
        variables["UV_FIND_LINKS"] = str(request.getfixturevalue("wheels"))
        variables["UV_NO_INDEX"], variables["UV_PYTHON"] = "1", python
        # And not into the environment of the tests, which nox names for uv.
        variables["UV_PROJECT_ENVIRONMENT"] = ".venv"
    folder = tmp_path / "folder"
    folder.mkdir()

    recipes.Recipe(folder, python, **variables).run(section)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_every_command_of_the_project_exists(path: str) -> None:
    """Each make target and each session of nox."""
    for block in Document(path).blocks:
        if block.language not in ("sh", "console"):
            continue
        for command in recipes.commands(block):
            program, *words = command.partition("#")[0].split()
            if program == "make":
                assert words[0] in recipes.make_targets()
            elif program.endswith("nox"):
                assert words[0] == "--session"
                sessions = words[1:]
                if "--" in sessions:
                    sessions = sessions[: sessions.index("--")]
                assert {name.partition("(")[0] for name in sessions} <= (
                    recipes.nox_sessions()
                )


@pytest.mark.parametrize("path", DOCUMENTS)
def test_no_block_is_of_an_unknown_kind(path: str) -> None:
    """A block is run, or a test compares it with what it quotes."""
    for block in Document(path).blocks:
        assert block.language in recipes.RUN + recipes.SHOWN, block.line

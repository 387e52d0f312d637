"""The workflows run what is run by hand, and nothing that can change unseen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.docs import recipes
from tests.environments import ROOT

if TYPE_CHECKING:
    from pathlib import Path

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CI = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit(path: Path) -> None:
    """A tag can be moved; the comment tells people which one it was."""
    text = path.read_text(encoding="utf-8")
    used = re.findall(r"uses: (.+)", text)

    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)
    # Each checkout is told not to leave its token behind.
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_session_that_a_workflow_runs_exists(path: Path) -> None:
    """In the noxfile."""
    text = path.read_text(encoding="utf-8")

    assert {*re.findall(r"nox --session (\w+)", text)} <= recipes.nox_sessions()


def test_ci_runs_on_every_supported_python() -> None:
    """Those that the package's classifiers name, a free-threaded one, Windows."""
    (line,) = re.findall(r"python: \[(.+)\]", CI)
    *pythons, free_threaded, pypy = re.findall(r'"(.+?)"', line)

    assert pythons == re.findall(r"Python :: (3\.\d+)", PYPROJECT)
    assert free_threaded == f"{pythons[-1]}t"
    assert pypy.startswith("pypy")
    assert "Implementation :: PyPy" in PYPROJECT
    assert "windows-latest" in CI


def test_ci_runs_the_script_that_a_change_has_to_pass() -> None:
    """And the script runs targets and sessions that exist."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert "run: .ci/run" in CI
    for target in re.findall(r"^make (\w+)", script, flags=re.MULTILINE):
        assert target in recipes.make_targets()
    for session in re.findall(r"nox --session ([\w ]+)", script):
        assert {*session.split()} <= recipes.nox_sessions()

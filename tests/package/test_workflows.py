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
RELEASE = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
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
    """In one of the noxfiles."""
    text = path.read_text(encoding="utf-8")

    assert {*re.findall(r"--session (\w+)", text)} <= recipes.nox_sessions()


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
    sessions = re.findall(r"(?:nox --session|^laboratory) (\w+)", script, re.MULTILINE)
    assert {*sessions} <= recipes.nox_sessions()


def test_a_release_is_checked_before_it_is_attested_and_after_it_is_built() -> None:
    """In a job of its own, whose tools can't change what the first one has built."""
    _, _, text = RELEASE.partition("\njobs:\n")
    jobs = dict(re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", text, re.MULTILINE))

    assert {job: re.findall("needs: (.+)", jobs[job]) for job in jobs} == {
        "build": [],
        "check": ["build"],
        "attest": ["check"],
        "publish": ["attest"],
        "announce": ["publish"],
    }
    assert "--session release\n" in jobs["build"]
    assert "--session check\n" in jobs["check"]
    # The index gets what the first job has stored, and nothing of the second one.
    assert re.findall("name: (dist|sbom)", jobs["publish"]) == ["dist"]


def test_a_tag_releases_only_what_is_on_the_main_branch() -> None:
    """Whoever may push a tag need not have had a review."""
    there = RELEASE.index('git merge-base --is-ancestor "$GITHUB_SHA" origin/main')

    assert RELEASE.index("fetch-depth: 0") < there < RELEASE.index("--session")


def test_ci_runs_the_tests_of_the_sdist_as_contributing_says() -> None:
    """From what was unpacked, without git."""
    contributing = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    _, _, job = CI.partition("\n  sdist:\n")
    job = job[: job.index("\n\n")]

    assert "checkout" not in job
    for command in ("python -m pip install . --group test", "pytest"):
        assert f"`{command}`" in contributing
        assert f"run: {command}\n        working-directory: unpacked" in job

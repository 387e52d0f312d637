"""The workflows run what is run by hand, and nothing that can change unseen."""

from __future__ import annotations

import os
import re
import textwrap
from typing import TYPE_CHECKING

import pytest
from packaging.requirements import Requirement

from tests.docs import recipes
from tests.environments import ROOT, run

if TYPE_CHECKING:
    from pathlib import Path

GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
CI, RELEASE, WEEKLY = (path.read_text(encoding="utf-8") for path in WORKFLOWS)
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)


def jobs(workflow: str) -> dict[str, str]:
    """Return the text of each job of a workflow."""
    _, _, text = workflow.partition("\njobs:\n")
    return dict(re.findall(r"^  (\w+):\n((?:    .*\n|\n)+)", text, re.MULTILINE))


def pinned(group: str) -> dict[str, str]:
    """Return the release of each tool in a dependency group."""
    (text,) = re.findall(rf"^{group} = \[(.+?)\]$", PYPROJECT, re.MULTILINE | re.DOTALL)
    tools = map(Requirement, re.findall(r'"(.+?)"', text))
    return {tool.name: str(tool.specifier) for tool in tools}


@each_workflow
def test_every_action_is_pinned_to_a_commit(path: Path) -> None:
    """A tag can be moved; the comment tells people which one it was."""
    text = path.read_text(encoding="utf-8")
    used = re.findall(r"uses: (.+)", text)

    assert used
    for action in used:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)
    # Each checkout is told not to leave its token behind.
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")


@each_workflow
def test_every_session_that_a_workflow_runs_exists(path: Path) -> None:
    """A session that is renamed has to be renamed in the workflows as well."""
    text = path.read_text(encoding="utf-8")

    assert {*re.findall(r"nox .*--session (\w+)", text)} <= recipes.nox_sessions()


def test_ci_runs_on_every_supported_python() -> None:
    """CI has the Pythons of the classifiers, a free-threaded one, and two systems."""
    (line,) = re.findall(r"python: \[(.+)\]", CI)
    *pythons, free_threaded, pypy = re.findall(r'"(.+?)"', line)

    assert pythons == re.findall(r"Python :: (3\.\d+)", PYPROJECT)
    assert free_threaded == f"{pythons[-1]}t"
    assert pypy.startswith("pypy")
    assert "Implementation :: PyPy" in PYPROJECT
    systems = re.findall(r"- system: (\w+)-latest", CI)
    assert systems == ["windows", "macos"]


def test_ci_runs_the_script_that_a_change_has_to_pass() -> None:
    """The script runs targets and sessions that exist."""
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")

    assert "run: .ci/run" in CI
    for target in re.findall(r"^make (\w+)", script, flags=re.MULTILINE):
        assert target in recipes.make_targets()
    for session in re.findall(r"nox --session ([\w ]+)", script):
        assert {*session.split()} <= recipes.nox_sessions()


def test_a_release_is_checked_before_it_is_attested() -> None:
    """The tools that check can't change what another job has built."""
    steps = jobs(RELEASE)

    assert {job: re.findall("needs: (.+)", steps[job]) for job in steps} == {
        "build": [],
        "check": ["build"],
        "attest": ["check"],
        "publish": ["attest"],
        "announce": ["publish"],
    }
    session = "run: nox --noxfile release/noxfile.py --session"
    assert f"{session} release\n" in steps["build"]
    assert f"{session} check\n" in steps["check"]
    # The index gets what the first job has stored, and nothing of the second one.
    assert re.findall("name: (dist|sbom)", steps["publish"]) == ["dist"]


def test_a_tag_releases_only_what_is_on_the_main_branch() -> None:
    """Whoever may push a tag need not have had a review."""
    there = RELEASE.index('git merge-base --is-ancestor "$GITHUB_SHA" origin/main')

    assert RELEASE.index("fetch-depth: 0") < there < RELEASE.index("--session")


def test_ci_runs_the_tests_of_the_sdist_without_a_clone() -> None:
    """The tests run from what was unpacked, where there is no git."""
    job = jobs(CI)["sdist"]

    assert "checkout" not in job
    for command in ("python -m pip install . --group test", "pytest"):
        assert f"run: {command}\n        working-directory: unpacked" in job


def test_the_weekly_laboratory_makes_targets_that_exist() -> None:
    """A target that is renamed has to be renamed in the workflow as well."""
    targets = re.findall(
        r"^          - (\w+)$", jobs(WEEKLY)["laboratory"], re.MULTILINE
    )

    assert targets
    assert {*targets} <= {*recipes.make_targets()}


def test_the_weekly_run_tries_the_newest_releases() -> None:
    """It asks doctor, and runs the tests of behaviour whatever doctor says."""
    job = jobs(WEEKLY)["newest"]

    assert "pip install --upgrade --pre ididi\n" in job
    assert "pip install --upgrade wrapt uvicorn\n" in job
    doctor = job.index("python -m ididi_scopefix doctor --json")
    assert "jq --exit-status '.ok and .needed'" in job[doctor:]
    assert (
        "run: pytest tests/behaviour\n        if: ${{ !cancelled() }}" in job[doctor:]
    )


@pytest.mark.skipif(os.name != "posix", reason="the step is run by a shell of Linux")
@pytest.mark.parametrize(
    ("titles", "opened"),
    [
        ("", True),
        ("Something else\n", True),
        ("Again: found\n", True),
        ("Something else\nfound\nAnother\n", False),
    ],
    ids=["none", "another", "one like it", "the same"],
)
def test_the_weekly_run_opens_one_issue(
    tmp_path: Path, titles: str, opened: bool
) -> None:
    """It opens no second one while the first is open."""
    script = textwrap.dedent(
        jobs(WEEKLY)["issue"].partition("run: |\n")[2].partition("        env:")[0]
    )
    (tmp_path / "titles").write_text(titles, encoding="utf-8")
    gh = tmp_path / "gh"
    gh.write_text(
        "#!/bin/sh\n"
        'case "$1 $2" in\n'
        f'"issue list") cat "{tmp_path}/titles";;\n'
        f'"issue create") printf "%s\\n" "$@" >"{tmp_path}/opened";;\n'
        "esac\n",
        encoding="utf-8",
    )
    gh.chmod(0o755)

    run(
        *("bash", "-e", "-c", script),
        PATH=os.pathsep.join([str(tmp_path), os.environ["PATH"]]),
        TITLE="found",
        BODY="what and where",
    )

    found = tmp_path / "opened"
    told = found.read_text(encoding="utf-8").splitlines() if found.exists() else []
    words = ["issue", "create", "--title", "found", "--body", "what and where"]
    assert told == (words if opened else [])


@pytest.mark.parametrize("group", ["lint", "audit"])
def test_the_tools_are_pinned_and_dependabot_raises_them(group: str) -> None:
    """A new release of a tool fails no change that is not about it."""
    updates = (GITHUB / "dependabot.yml").read_text(encoding="utf-8")

    for tool, specifier in pinned(group).items():
        assert re.fullmatch(r"==[\d.]+", specifier), tool
        assert f"- dependency-name: {tool}\n" in updates


def test_a_commit_hook_runs_the_ruff_of_make_lint() -> None:
    """Another release could ask for another format."""
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")

    used = re.findall(r'"ruff(.+)"', hooks)
    assert used
    assert {*used} == {pinned("lint")["ruff"]}


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_the_form_of_an_issue_asks_what_the_shim_sees(command: str) -> None:
    """Both commands answer most of what a maintainer would ask."""
    form = (GITHUB / "ISSUE_TEMPLATE" / "bug.yml").read_text(encoding="utf-8")

    label = f"label: python -m ididi_scopefix {command} --json\n"
    (field,) = (part for part in form.split("  - type:") if label in part)
    assert "required: true" in field

"""The workflow runs what is run by hand, on what the package supports."""

from __future__ import annotations

import re

from tests.docs import recipes
from tests.docs.markdown import ROOT

WORKFLOW = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
PYPROJECT = (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_the_workflow_runs_targets_that_exist() -> None:
    """And the script that a change has to pass."""
    commands = re.findall(r"run: (.+)", WORKFLOW)

    for command in commands:
        assert command == ".ci/run" or command.split()[1] in recipes.make_targets()
    assert ".ci/run" in commands


def test_the_workflow_runs_on_every_supported_python() -> None:
    """Those that the package's classifiers name."""
    (line,) = re.findall(r"python: \[(.+)\]", WORKFLOW)

    assert re.findall(r'"(.+?)"', line) == re.findall(r"Python :: (3\.\d+)", PYPROJECT)

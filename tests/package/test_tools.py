"""The tools of a contributor are those of CI."""

from __future__ import annotations

import re

from tests.environments import ROOT


def test_a_commit_hook_runs_the_ruff_of_make_lint() -> None:
    """Another release could ask for another format."""
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (pinned,) = re.findall(r'"ruff(==[\d.]+)"', project)

    used = re.findall(r'"ruff(.+)"', hooks)
    assert used
    assert {*used} == {pinned}

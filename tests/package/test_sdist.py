"""An sdist holds all that the repository has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.environments import ROOT
from tests.package.conftest import git, names

if TYPE_CHECKING:
    from pathlib import Path


def tracked() -> set[str]:
    """Return what git tracks in this checkout."""
    return {*filter(None, git("ls-files", "-z", folder=ROOT).split("\0"))}


@pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="only a clone knows what git tracks"
)
def test_every_tracked_file_is_in_the_sdist(sdist: Path) -> None:
    """A new file at the top has to be named in pyproject.toml."""
    there = {name for name in tracked() if (ROOT / name).exists()}

    assert there - {*names(sdist)} == set()


@pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="only a clone knows what git tracks"
)
def test_the_sdist_has_nothing_else_at_the_top(sdist: Path) -> None:
    """A file that was left beside the others is not packed."""
    top = {name.partition("/")[0] for name in names(sdist)}

    assert top == {name.partition("/")[0] for name in tracked()}


@pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="only a clone knows what git tracks"
)
def test_git_for_windows_changes_no_line_ends(tmp_path: Path) -> None:
    """The start-up line and the packages have the same hashes everywhere."""
    windows = ("-c", "core.autocrlf=true")
    git("clone", "--quiet", *windows, str(ROOT), "windows", folder=tmp_path)
    clone = tmp_path / "windows"

    for name in git("ls-files", "-z", folder=clone).split("\0")[:-1]:
        assert b"\r\n" not in (clone / name).read_bytes(), name

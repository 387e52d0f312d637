"""An sdist holds all that the repository has."""

from __future__ import annotations

import tarfile
from typing import TYPE_CHECKING

import pytest

from tests.environments import ROOT
from tests.package.conftest import git

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="only a clone knows what git tracks"
)
def test_the_sdist_has_what_git_tracks(sdist: Path) -> None:
    """A new file at the top has to be named in pyproject.toml, and no other is packed."""
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    tracked = {*git("ls-files", "-z", folder=ROOT).split("\0")[:-1]}

    there = {name for name in tracked if (ROOT / name).exists()}
    assert there - packed == set()
    at_the_top = {name.partition("/")[0] for name in tracked}
    assert {name.partition("/")[0] for name in packed} == {*at_the_top, "PKG-INFO"}

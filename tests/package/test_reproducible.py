"""The same source gives the same bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.docs.markdown import Document
from tests.environments import run
from tests.package.conftest import Builder, git

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.skipif(os.name == "nt", reason="the documented command is for a shell")
def test_two_builds_have_the_same_hashes(
    builder: Builder, unpacked: Path, tmp_path: Path
) -> None:
    """Two clones with other umasks and paths are built with the documented command."""
    lines = Document("SECURITY.md").block("verify").text.splitlines()
    (command,) = (line for line in lines if "-m build" in line)
    origin = tmp_path / "origin"
    shutil.copytree(unpacked, origin)
    (origin / "PKG-INFO").unlink()
    git("init", "--quiet", folder=origin)
    git("add", "--all", "--force", folder=origin)
    git("commit", "--quiet", "--message=all", folder=origin)
    hashes = []
    for umask, name in (("022", "one"), ("077", "far/away/another")):
        clone = tmp_path / name
        script = (
            f"umask {umask} && git clone --quiet {origin} {clone} && cd {clone} "
            f"&& find . -name '*.py' | xargs touch -d 2001-01-0{len(hashes) + 1} "
            f"&& {command}"
        )
        run("bash", "-c", script, PATH=builder.path)
        built = sorted((clone / "dist").iterdir())
        hashes.append(
            [(file.name, hashlib.sha256(file.read_bytes()).digest()) for file in built]
        )

    assert len(hashes[0]) == 2
    assert hashes[0] == hashes[1]

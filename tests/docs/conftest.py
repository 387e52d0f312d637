"""What a reader has: a clone of the repository."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.environments import ROOT, once

OTHERS = shutil.ignore_patterns(".*", "__pycache__", "dist")
"""What no clone has, or what nothing is made from."""


@pytest.fixture(scope="session")
def clone(workshop: Path) -> Path:
    """A copy of the repository; not to be changed."""

    def make(folder: Path) -> None:
        shutil.copytree(ROOT, folder, ignore=OTHERS)

    return once(workshop / "clone", make)

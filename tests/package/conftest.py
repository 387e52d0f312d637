"""Builds sdists and wheels, of the checkout and of copies of it."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.environments import ROOT, WHEEL, Environment, backend, once, run


class Builder(NamedTuple):
    """An environment that has git and what builds the package."""

    environment: Environment

    @property
    def path(self) -> str:
        """A ``PATH`` on which its Python is the first."""
        return os.pathsep.join([str(self.environment.scripts), os.environ["PATH"]])

    def build(self, what: str, source: Path, target: Path) -> Path:
        """Build an ``sdist`` or a ``wheel`` of *source* into *target*."""
        options = ("--no-isolation", f"--{what}", "--outdir", str(target))
        build = (self.environment.python, "-m", "build", *options)
        run(*build, folder=source)
        (built,) = target.iterdir()
        return built


@pytest.fixture(scope="session")
def builder(workshop: Path, empty: Environment) -> Builder:
    """An environment with the build backend that pyproject.toml asks for."""

    def make(folder: Path) -> None:
        empty.copy(folder).pip("install", "--quiet", "build", backend())

    return Builder(Environment(once(workshop / "package-builder", make)))


@pytest.fixture(scope="session")
def sdist(workshop: Path, builder: Builder) -> Path:
    """The sdist of this checkout."""
    folder = once(
        workshop / "package-sdist", lambda folder: builder.build("sdist", ROOT, folder)
    )
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="session")
def unpacked(workshop: Path, sdist: Path) -> Path:
    """The folder of that sdist, not to be changed: a copy without git."""

    def make(folder: Path) -> None:
        with tarfile.open(sdist) as archive:
            # It was made here. Not every Python 3.9 knows the argument for this.
            archive.extraction_filter = lambda member, path: member
            archive.extractall(folder)

    folder = once(workshop / "package-unpacked", make)
    (root,) = folder.iterdir()
    return root


@pytest.fixture(scope="session")
def wheel(workshop: Path, builder: Builder, unpacked: Path) -> Path:
    """The wheel that is to be tested, or else the one of that sdist."""
    if WHEEL:
        return ROOT / WHEEL
    folder = once(
        workshop / "package-wheel",
        lambda folder: builder.build("wheel", unpacked, folder),
    )
    (built,) = folder.iterdir()
    return built


def git(*arguments: str, folder: Path) -> str:
    """Run git in *folder*, as somebody, and return what it says."""
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.invalid")
    # It names files in UTF-8, on Windows too.
    return run("git", *who, *arguments, folder=folder, encoding="utf-8").stdout

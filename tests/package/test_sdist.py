"""An sdist holds what git tracks, and nothing else."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from tests.environments import ROOT, attempt
from tests.package.conftest import Builder, git, names, unpack

if TYPE_CHECKING:
    from pathlib import Path

STRAY = (
    ".secret",
    "notes.txt",
    "scratch.py",
    "ididi_scopefix/.secret",
    "ididi_scopefix/scratch.py",
    "tests/scratch.py",
    "secrets/key.pem",
)
TRACKED = (
    ".editorconfig",
    "data/table.bin",
    "docs/grüße an alle.md",
    "tests/dist/expected.txt",
)


def put(folder: Path, *files: str) -> None:
    """Put *files* into *folder*."""
    for name in files:
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x = 1\n")


@pytest.fixture
def checkout(unpacked: Path, tmp_path: Path) -> Path:
    """Another checkout of the project, which has some files more."""
    folder = tmp_path / "checkout"
    shutil.copytree(unpacked, folder)
    (folder / "PKG-INFO").unlink()
    put(folder, *TRACKED)
    git("init", "--quiet", folder=folder)
    git("add", "--all", "--force", folder=folder)
    git("commit", "--quiet", "--message=all", folder=folder)
    return folder


def tracked(folder: Path) -> list[str]:
    """Return what git tracks in *folder*."""
    return sorted(filter(None, git("ls-files", "-z", folder=folder).split("\0")))


@pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="an unpacked sdist, whose list git has not"
)
def test_the_sdist_of_this_checkout_holds_what_git_tracks(sdist: Path) -> None:
    """The workflows, the CI script and the tests included."""
    there = [name for name in tracked(ROOT) if (ROOT / name).exists()]

    assert names(sdist) == there
    assert {".ci/run", ".github/workflows/ci.yml", "tests/conftest.py"} <= {*there}


def test_stray_files_are_not_packed(
    builder: Builder, checkout: Path, tmp_path: Path
) -> None:
    """Whatever they are called and wherever they are; what is tracked is."""
    expected = tracked(checkout)
    put(checkout, *STRAY)

    built = builder.build("sdist", checkout, tmp_path / "built")

    assert {*TRACKED} <= {*expected}
    assert names(built) == expected


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Another repository, which tracks one file."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    put(folder, "elsewhere.txt")
    git("init", "--quiet", folder=folder)
    git("add", "elsewhere.txt", folder=folder)
    return folder


def test_a_git_hook_does_not_choose_the_files(
    builder: Builder, checkout: Path, elsewhere: Path, tmp_path: Path
) -> None:
    """The variables that it sets name the repository that it belongs to."""
    hooked = {
        "GIT_DIR": str(elsewhere / ".git"),
        "GIT_INDEX_FILE": str(elsewhere / ".git" / "index"),
        "GIT_WORK_TREE": str(elsewhere),
    }

    built = builder.build("sdist", checkout, tmp_path / "built", **hooked)

    assert names(built) == tracked(checkout)


def test_a_git_hook_does_not_choose_where_tests_commit(
    checkout: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They make repositories of their own."""
    expected = tracked(checkout)
    monkeypatch.setenv("GIT_DIR", str(elsewhere / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(elsewhere))

    assert tracked(checkout) == expected


@pytest.mark.parametrize("name", ["ididi-scopefix.pth", "ididi_scopefix/__init__.py"])
def test_without_the_package_nothing_is_built(
    builder: Builder, checkout: Path, tmp_path: Path, name: str
) -> None:
    """Git does not track what a wheel can't do without."""
    git("rm", "--quiet", "--cached", name, folder=checkout)

    options = ("--no-isolation", "--sdist", "--outdir", str(tmp_path / "built"))
    build = (builder.environment.python, "-m", "build", *options)
    finished = attempt(*build, folder=checkout)

    assert finished.returncode
    assert f"the sdist would lack {name}\n" in finished.stderr


def test_git_for_windows_changes_no_line_ends(checkout: Path, tmp_path: Path) -> None:
    """The start-up line has a hash to be allowed by, the packages have theirs."""
    windows = ("-c", "core.autocrlf=true")
    git("clone", "--quiet", *windows, str(checkout), "windows", folder=tmp_path)

    for name in tracked(checkout):
        cloned = (tmp_path / "windows" / name).read_bytes()
        assert cloned == (checkout / name).read_bytes(), name


def test_a_file_that_was_deleted_is_not_missed(
    builder: Builder, checkout: Path, tmp_path: Path
) -> None:
    """Git still lists it as long as that is not committed."""
    (checkout / "data" / "table.bin").unlink()

    built = builder.build("sdist", checkout, tmp_path / "built")

    assert "data/table.bin" not in names(built)


def test_where_git_fails_nothing_is_built(
    builder: Builder, checkout: Path, tmp_path: Path
) -> None:
    """Neither what lies about, nor what a repository around this one tracks."""
    (checkout / ".git" / "HEAD").unlink()
    git("init", "--quiet", folder=tmp_path)

    target = str(tmp_path / "built")
    options = ("--no-isolation", "--sdist", "--outdir", target)
    finished = attempt(
        builder.environment.python, "-m", "build", *options, folder=checkout
    )

    assert finished.returncode
    assert "the sdist holds what git tracks, and git can't list it" in finished.stderr


def test_an_unpacked_sdist_gives_the_same_sdist(
    builder: Builder, sdist: Path, tmp_path: Path
) -> None:
    """As distributions of operating systems build it, without git."""
    folder = unpack(sdist, tmp_path / "unpacked")
    put(folder, ".secret", "ididi_scopefix/.secret", "dist/old.whl")

    built = builder.build("sdist", folder, tmp_path / "built")

    assert names(built) == names(sdist)


def test_the_tests_are_collected_in_an_unpacked_sdist(unpacked: Path) -> None:
    """Nothing that they read is missing there."""
    collect = ("-m", "pytest", "--collect-only", "--quiet", "-p", "no:cacheprovider")
    finished = attempt(sys.executable, "-B", *collect, folder=unpacked)

    lines = finished.stdout.splitlines()
    assert [line for line in lines if line.startswith("ERROR")] == []
    assert "tests/package/test_sdist.py::test_stray_files_are_not_packed" in lines
    assert finished.returncode == 0

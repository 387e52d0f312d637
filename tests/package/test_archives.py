"""What is built: an sdist of all files, and a wheel of those in SECURITY.md."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import zipfile
from pathlib import Path

import pytest

import ididi_scopefix
from tests.docs.markdown import Document
from tests.environments import ROOT, WHEEL, Environment, backend, once, run

SECURITY = Document("SECURITY.md")
STRAY = (".secret", "notes.txt", "scratch.py", "ididi_scopefix/.secret")


@pytest.fixture(scope="session")
def builder(workshop: Path, empty: Environment) -> Environment:
    """An environment with the build backend that pyproject.toml asks for."""

    def make(folder: Path) -> None:
        empty.copy(folder).pip("install", "--quiet", "build", backend())

    return Environment(once(workshop / "package-builder", make))


def build(builder: Environment, what: str, source: Path, target: Path) -> Path:
    """Build an ``sdist`` or a ``wheel`` of *source* into *target*."""
    options = ("--no-isolation", f"--{what}", "--outdir", str(target))
    run(builder.python, "-m", "build", *options, folder=source)
    (built,) = target.iterdir()
    return built


@pytest.fixture(scope="session")
def unpacked(workshop: Path, builder: Environment) -> Path:
    """The files of the sdist of this checkout; not to be changed."""

    def make(folder: Path) -> None:
        sdist = build(builder, "sdist", ROOT, folder.with_name("package-sdist"))
        run(builder.python, "-m", "tarfile", "-e", str(sdist), str(folder))

    (root,) = once(workshop / "package-unpacked", make).iterdir()
    return root


def git(*arguments: str, folder: Path) -> str:
    """Run git in *folder*, as somebody, and return what it says."""
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.invalid")
    # It names files in UTF-8, on Windows too.
    return run("git", *who, *arguments, folder=folder, encoding="utf-8").stdout


@pytest.mark.skipif(
    not (ROOT / ".git").exists(), reason="only a clone knows what git tracks"
)
def test_the_sdist_has_what_git_tracks(unpacked: Path) -> None:
    """A new file at the top has to be named in pyproject.toml; no other is packed."""
    tracked = git("ls-files", "-z", folder=ROOT).split("\0")[:-1]

    there = [name for name in tracked if (ROOT / name).exists()]
    assert [name for name in there if not (unpacked / name).exists()] == []
    at_the_top = {name.partition("/")[0] for name in tracked}
    assert {file.name for file in unpacked.iterdir()} == {*at_the_top, "PKG-INFO"}


def test_the_wheel_holds_what_security_says(
    builder: Environment, unpacked: Path, tmp_path: Path
) -> None:
    """Stray files of a checkout are not packed, when `pip install .` builds one."""
    checkout = shutil.copytree(unpacked, tmp_path / "checkout")
    for name in STRAY:
        (checkout / name).write_bytes(b"x = 1\n")
    built = build(builder, "wheel", checkout, tmp_path / "built")

    for wheel in (built, ROOT / WHEEL) if WHEEL else (built,):
        with zipfile.ZipFile(wheel) as archive:
            names = sorted(archive.namelist())
            line = archive.read("ididi-scopefix.pth")
        listed = [
            re.sub(r"-.+?\.dist-info", "-VERSION.dist-info", name) for name in names
        ]
        assert listed == SECURITY.block("wheel").text.splitlines()
        assert line == SECURITY.block("ididi-scopefix.pth").text.encode()
        assert f"{hashlib.sha256(line).hexdigest()}\n" == SECURITY.block("sha256").text


@pytest.mark.skipif(not WHEEL, reason="CI names the wheel to be tested")
def test_what_is_tested_is_the_wheel() -> None:
    """The sources beside the tests are not imported."""
    assert Path(ididi_scopefix.__file__).resolve().parents[1] != ROOT


@pytest.mark.skipif(os.name == "nt", reason="the documented command is for a shell")
def test_two_builds_have_the_same_hashes(
    builder: Environment, unpacked: Path, tmp_path: Path
) -> None:
    """Two clones with other umasks and paths are built with the documented command."""
    lines = SECURITY.block("verify").text.splitlines()
    (command,) = (line for line in lines if "-m build" in line)
    path = os.pathsep.join([str(builder.scripts), os.environ["PATH"]])
    origin = shutil.copytree(unpacked, tmp_path / "origin")
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
        run("bash", "-c", script, PATH=path)
        built = sorted((clone / "dist").iterdir())
        hashes.append(
            [(file.name, hashlib.sha256(file.read_bytes()).digest()) for file in built]
        )

    assert len(hashes[0]) == 2
    assert hashes[0] == hashes[1]

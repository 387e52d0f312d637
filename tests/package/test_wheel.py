"""A wheel holds what SECURITY.md says."""

from __future__ import annotations

import email
import os
import re
import shutil
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import ididi_scopefix
from tests import environments
from tests.docs.markdown import Document
from tests.environments import ROOT, Environment, backend
from tests.package import contents
from tests.package.conftest import Builder

STRAY = (".secret", "notes.txt", "scratch.py", "ididi_scopefix/.secret", "keys/key.pem")


def quoted(name: str) -> str:
    """Return a block of SECURITY.md."""
    blocks = Document("SECURITY.md").blocks
    (text,) = (block.text for block in blocks if block.name == name)
    return text


def test_security_lists_what_the_wheel_holds(wheel: Path) -> None:
    """The list names each file; `tests.package.contents` writes it."""
    assert contents.files(wheel) == quoted("wheel")


def test_security_prints_the_start_up_line_and_its_hash(wheel: Path) -> None:
    """The wheel installs that line, byte by byte."""
    with zipfile.ZipFile(wheel) as archive:
        installed = archive.read("ididi-scopefix.pth")

    assert installed == b"import ididi_scopefix\n"
    assert installed == contents.START_UP_LINE.read_bytes()
    assert quoted("ididi-scopefix.pth").encode() == installed
    assert quoted("sha256") == contents.digest()


def test_a_wheel_of_a_checkout_holds_no_stray_files(
    builder: Builder, unpacked: Path, wheel: Path, tmp_path: Path
) -> None:
    """It is built without an sdist in between, as `pip install .` does."""
    folder = tmp_path / "checkout"
    shutil.copytree(unpacked, folder)
    for name in STRAY:
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x = 1\n")

    built = builder.build("wheel", folder, tmp_path / "built")

    assert contents.files(built) == contents.files(wheel)


def test_the_metadata_are_what_mirrors_take(wheel: Path, unpacked: Path) -> None:
    """They are of version 2.4, and say the licence in one word."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        text = archive.read(name).decode()
    metadata = email.message_from_string(text)

    assert metadata["Metadata-Version"] == "2.4"
    assert metadata["License-Expression"] == "MIT"
    assert "License ::" not in text
    assert (unpacked / "PKG-INFO").read_text(encoding="utf-8") == text


def test_the_verified_backend_is_one_that_pyproject_allows() -> None:
    """SECURITY.md names its release; newer ones may build other bytes."""
    (named,) = re.findall(r"hatchling==(\S+)", quoted("verify"))

    assert Requirement(backend()).specifier.contains(named)


def test_the_wheel_that_ci_names_is_not_made_again(
    empty: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Start-up and the command are tested with the one that will be released."""
    named = tmp_path / "named.whl"
    named.write_bytes(b"a wheel")
    folder = tmp_path / "wheels"
    folder.mkdir()
    monkeypatch.setattr(environments, "WHEEL", str(named))

    environments.put_shim(folder, empty)

    (put,) = folder.iterdir()
    assert put.read_bytes() == b"a wheel"


@pytest.mark.skipif(
    "SCOPEFIX_WHEEL" not in os.environ, reason="CI names the wheel to be tested"
)
def test_what_is_tested_is_the_wheel() -> None:
    """The sources beside the tests are not imported."""
    assert Path(ididi_scopefix.__file__).resolve().parents[1] != ROOT

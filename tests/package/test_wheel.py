"""A wheel holds what SECURITY.md says."""

from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest

import ididi_scopefix
from tests.docs.markdown import Document
from tests.environments import ROOT
from tests.package import contents
from tests.package.conftest import Builder

STRAY = (".secret", "notes.txt", "scratch.py", "ididi_scopefix/.secret")


def test_security_lists_what_the_wheel_holds(
    builder: Builder, unpacked: Path, wheel: Path, tmp_path: Path
) -> None:
    """Stray files of a checkout are not packed, when `pip install .` builds one."""
    checkout = shutil.copytree(unpacked, tmp_path / "checkout")
    for name in STRAY:
        (checkout / name).write_bytes(b"x = 1\n")

    built = builder.build("wheel", checkout, tmp_path / "built")

    listed = Document("SECURITY.md").block("wheel").text
    assert contents.files(wheel) == listed
    assert contents.files(built) == listed


def test_security_prints_the_start_up_line_and_its_hash(wheel: Path) -> None:
    """The wheel installs that line, byte by byte."""
    with zipfile.ZipFile(wheel) as archive:
        installed = archive.read("ididi-scopefix.pth")
    security = Document("SECURITY.md")

    assert installed == b"import ididi_scopefix\n"
    assert installed == contents.START_UP_LINE.read_bytes()
    assert security.block("ididi-scopefix.pth").text.encode() == installed
    assert security.block("sha256").text == contents.digest()


@pytest.mark.skipif(
    "SCOPEFIX_WHEEL" not in os.environ, reason="CI names the wheel to be tested"
)
def test_what_is_tested_is_the_wheel() -> None:
    """The sources beside the tests are not imported."""
    assert Path(ididi_scopefix.__file__).resolve().parents[1] != ROOT

"""Which releases are patched, by their version, and where that is read."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.imports.conftest import needs_source
from tests.other_releases import download, invent, tell

METADATA = "Metadata-Version: 2.1\nName: ididi\nVersion: 7.7.7\n"


@pytest.fixture(scope="module", params=["1.4.2", "1.4.3"])
def older(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with a release below the range, from the package index."""
    version: str = request.param
    return download(version, tmp_path_factory.mktemp("ididi") / version)


def test_an_unaffected_release_is_left_alone(older: Path) -> None:
    """1.4.2 raises an error of its own by design; 1.4.3 is told to be upgraded."""
    version = older.name
    told = tell(older)

    assert told.is_left_alone()
    assert told.patched == []
    assert told.version == told.version_before == version
    by_design = version == "1.4.2"
    assert ("by design" if by_design else "upgrade to 1.4.4 or newer") in told.reason
    assert told.raises == ("OutOfScopeError" if by_design else True)


@pytest.mark.unchanged
@pytest.mark.child
def test_seeding_an_unaffected_graph_says_why_it_fails(older: Path) -> None:
    """The graphs of those releases have no default scope."""
    import sys
    from contextvars import Context

    import ididi_scopefix

    sys.path.insert(0, str(older))
    from ididi import Graph

    try:
        Context().run(ididi_scopefix.seed, Graph())
    except RuntimeError as error:
        assert f"no default scope: {ididi_scopefix.status().reason}" in str(error)
    else:
        raise AssertionError("it has returned something")


def put(folder: Path, text: str, encoding: str = "utf-8") -> None:
    """Put the metadata *text* beside the ididi in *folder*."""
    metadata = folder / "ididi-7.7.7.dist-info"
    metadata.mkdir(exist_ok=True)
    (metadata / "METADATA").write_text(text, encoding=encoding)


@needs_source
@pytest.mark.parametrize(
    ("version", "own", "state", "expected"),
    [
        ("1.4.3", "1.8.2", "inactive", "1.4.3"),
        (None, "1.4.4", "active", "1.4.4"),
        (None, "1.4.3", "active", "1.4.3"),  # it is affected, as a copy of 1.8.2
        (None, None, "active", None),
        ("1.8.2", "1.4.3", "active", "1.8.2"),
    ],
)
def test_the_metadata_say_the_version_or_else_ididi(
    tmp_path: Path,
    version: str | None,
    own: str | None,
    state: str,
    expected: str | None,
) -> None:
    """Where neither does, the probe decides; others' metadata are not asked."""
    told = tell(invent(version, tmp_path, own=own))

    assert (told.state, told.version) == (state, expected)
    assert told.raises is (state == "inactive")
    assert told.logged == []


@needs_source
@pytest.mark.parametrize("version", ["unreadable", "1.8.2-final-final"])
def test_a_version_that_is_none_is_reported(tmp_path: Path, version: str) -> None:
    """PEP 440 does not know it; one line names it, and what to do."""
    told = tell(invent(version, tmp_path, own="1.8.2"))

    assert told.failed()
    assert f"{version!r} is no version of PEP 440: reinstall ididi" in told.reason


@needs_source
@pytest.mark.parametrize("encoding", ["latin-1", "gb18030", "utf-16"])
@pytest.mark.parametrize("in_front", [False, True])
def test_metadata_that_are_not_utf_8_are_none(
    tmp_path: Path, encoding: str, in_front: bool
) -> None:
    """Some tools wrote them in their machine's encoding; ididi says its version."""
    author = f"Author: {'王' if encoding == 'gb18030' else 'José'}\n"
    text = author + METADATA if in_front else METADATA + author
    put(invent(None, tmp_path, own="1.8.2"), text, encoding)

    told = tell(tmp_path)

    assert told.is_active()
    assert told.version == "1.8.2"


@needs_source
@pytest.mark.parametrize("file", ["ididi.egg-info/PKG-INFO", "ididi-1.5-py3.egg-info"])
def test_the_metadata_may_be_those_of_setuptools(tmp_path: Path, file: str) -> None:
    """Linux distributions ship them in a folder, or as one file."""
    metadata = invent(None, tmp_path, own="1.8.2") / file
    metadata.parent.mkdir(exist_ok=True)
    metadata.write_text(METADATA.replace("7.7.7", "1.5"), encoding="utf-8")

    assert tell(tmp_path).version == "1.5"


@needs_source
def test_the_metadata_of_other_packages_are_not_asked(tmp_path: Path) -> None:
    """They are in the same folder, and so is what was left there, or put there."""
    folder = invent("1.4.3", tmp_path, own="1.8.2")
    (folder / "ididi-notes.txt").write_text("Version: 9.0\n", encoding="utf-8")
    (folder / "ididi-1.8.0.dist-info").mkdir()
    for name in ("aardvark", "ididi_tools", "zebra"):
        (folder / f"{name}-9.0.dist-info").mkdir()
        text = METADATA.replace("ididi", name)
        metadata = folder / f"{name}-9.0.dist-info" / "METADATA"
        metadata.write_text(text, encoding="utf-8")

    assert tell(folder).version == "1.4.3"


@needs_source
@pytest.mark.parametrize("has_own", [True, False])
def test_the_metadata_beside_the_module_come_first(
    tmp_path: Path, has_own: bool
) -> None:
    """An editable installation has its metadata in another folder of the path."""
    editable = tmp_path / "editable"
    (tmp_path / "site").mkdir()
    put(tmp_path / "site", METADATA.replace("7.7.7", "1.4.3"))
    record = "ididi-7.7.7.dist-info/METADATA,,\n__editable__.ididi.pth,,\n"
    (tmp_path / "site" / "ididi-7.7.7.dist-info" / "RECORD").write_text(record)
    invent("1.8.2" if has_own else None, editable, own="1.8.3")
    paths = [str(tmp_path / "site"), str(editable)]

    told = tell(Path(os.pathsep.join(paths)))

    assert told.version == ("1.8.2" if has_own else "1.4.3")


@needs_source
def test_the_metadata_may_be_in_a_zip_file(tmp_path: Path) -> None:
    """An application that is one file has them there, with the package."""
    folder = invent("1.4.3", tmp_path / "ididi", own="1.8.2")
    shutil.make_archive(str(tmp_path / "application"), "zip", folder)

    assert tell(tmp_path / "application.zip").version == "1.4.3"


@needs_source
@pytest.mark.child
def test_the_version_stays_that_of_the_module(tmp_path: Path) -> None:
    """``pip install -U`` under a running process changes the metadata alone."""
    import importlib
    import sys

    import ididi_scopefix
    from tests.other_releases import invent

    folder = invent("1.8.2", tmp_path)
    sys.path.insert(0, str(folder))
    importlib.import_module("ididi")
    metadata = folder / "ididi-1.8.2.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.8.2", "9.9"))
    status = ididi_scopefix.status()
    assert (status.state, status.ididi_version) == ("active", "1.8.2"), status


@pytest.mark.child
def test_a_release_of_the_table_costs_no_parser() -> None:
    """To parse the metadata or the version would take longer than all the rest."""
    import sys

    from tests.imports.calls import check_patched

    check_patched()
    assert "email.parser" not in sys.modules
    assert "packaging" not in sys.modules

"""Which releases are patched, by their version, and where that is read."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests import children, programs
from tests.other_releases import TELL, download, invent, tell

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The releases below the range, from the package index."""
    return {
        version: download(version, tmp_path_factory.mktemp("ididi"))
        for version in ("1.4.2", "1.4.3")
    }


def test_1_4_2_is_left_alone(folders: dict[str, Path]) -> None:
    """It raises an error of its own, by design."""
    told = tell(folders["1.4.2"])

    assert told["state"] == "inactive"
    assert told["version"] == told["version_before"] == "1.4.2"
    assert "by design" in str(told["reason"])
    assert told["raises"] == "OutOfScopeError"
    assert told["patched"] == told["warnings"] == []


def test_a_release_that_is_left_alone_is_said_to_be_so(
    folders: dict[str, Path], tmp_path: Path
) -> None:
    """In verbose mode, with the reason of the status."""
    finished = programs.run(
        tmp_path,
        "import ididi_scopefix, ididi; print(ididi_scopefix.status().reason)",
        path=folders["1.4.2"],
    )

    expected = [f"left alone: {finished.stdout.strip()}"]
    assert programs.lines(finished.stderr) == expected


def test_seeding_where_there_are_no_default_scopes_says_why(
    folders: dict[str, Path],
) -> None:
    """In ididi 1.4.2, whose scopes are of another kind."""
    children.run(
        """
        from contextvars import Context
        import ididi_scopefix
        from ididi import Graph
        try:
            Context().run(ididi_scopefix.seed, Graph())
        except RuntimeError as error:
            assert "no default scope" in str(error), error
            assert "by design" in str(error), error
        else:
            raise AssertionError("it has returned something")
        """,
        path=folders["1.4.2"],
    )


def test_1_4_3_is_left_alone_and_told_what_to_do(folders: dict[str, Path]) -> None:
    """The same symptom, but outside of the range."""
    told = tell(folders["1.4.3"])

    assert told["state"] == "inactive"
    assert told["version"] == "1.4.3"
    assert "upgrade to 1.4.4 or newer" in str(told["reason"])
    assert told["raises"] is True
    assert told["patched"] == told["warnings"] == []


def test_the_version_is_that_of_the_module_and_not_of_an_upgrade(
    tmp_path: Path,
) -> None:
    """``pip install -U`` under a running process changes the metadata alone."""
    folder = invent("1.4.3", tmp_path)
    children.run(
        f"""
        import pathlib
        import ididi_scopefix, ididi
        metadata = pathlib.Path({str(folder)!r}, "ididi-1.4.3.dist-info", "METADATA")
        metadata.write_text(metadata.read_text().replace("1.4.3", "9.9"))
        status = ididi_scopefix.status()
        assert (status.state, status.ididi_version) == ("inactive", "1.4.3"), status
        """,
        path=folder,
    )


METADATA = b"Metadata-Version: 2.1\nName: ididi\nVersion: 7.7.7\n"

IN_ORDER = """
import os
listed = os.listdir
os.listdir = lambda *path: sorted(listed(*path))
"""


# In Latin-1 and in GB 18030, behind the version and in front of it.
@pytest.mark.parametrize(
    "metadata",
    [
        METADATA + b"Author: Jos\xe9\n",
        METADATA + b"Author: \xcd\xf5\n",
        b"Author: J\xfcrgen\n" + METADATA,
    ],
    ids=["latin", "chinese", "in front"],
)
def test_metadata_that_are_not_utf_8_are_no_metadata(
    tmp_path: Path, metadata: bytes
) -> None:
    """Some tools wrote them in their machine's encoding; ididi says its version."""
    folder = invent("7.7.7", tmp_path, own="1.8.2")
    (folder / "ididi-7.7.7.dist-info" / "METADATA").write_bytes(metadata)

    told = tell(folder)

    assert (told["state"], told["version"]) == ("active", "1.8.2")
    assert told["raises"] is False


def test_metadata_that_an_upgrade_has_left_are_no_obstacle(tmp_path: Path) -> None:
    """Those of the version that is there are found behind them."""
    left = tmp_path / "ididi-1.8.0.dist-info"
    left.mkdir()
    (left / "METADATA").write_bytes(b"Author: Jos\xe9\n")

    told = tell(invent("1.8.2", tmp_path), IN_ORDER + TELL)

    assert (told["state"], told["version"]) == ("active", "1.8.2")


def test_the_version_is_read_without_parsing_the_metadata() -> None:
    """That would take longer than all the rest."""
    children.run(
        """
        import email
        import ididi_scopefix
        from importlib.metadata import Distribution
        parsed = []
        Distribution.metadata = property(lambda self: parsed.append(self) or {})
        email.message_from_string = lambda text: parsed.append(text) or {}
        assert ididi_scopefix.status().ididi_version is not None
        import ididi
        assert ididi_scopefix.status().state == "active"
        assert parsed == [], parsed
        """
    )


def test_the_version_comes_from_the_metadata(tmp_path: Path) -> None:
    """Not from what ididi says of itself."""
    told = tell(invent("1.4.3", tmp_path, own="1.8.2"))

    assert told["version"] == "1.4.3"
    assert told["state"] == "inactive"


def test_without_metadata_ididi_says_its_version(tmp_path: Path) -> None:
    """It binds it last, and the hook waits for it.

    The metadata of the release that this one hides are not its own.
    """
    told = tell(invent(None, tmp_path, own="1.4.4"))

    assert told["version"] == "1.4.4"
    assert told["state"] == "active"
    assert told["raises"] is False


@pytest.mark.parametrize("file", ["ididi.egg-info/PKG-INFO", "ididi-1.5-py3.egg-info"])
def test_the_metadata_may_be_those_of_setuptools(tmp_path: Path, file: str) -> None:
    """As Linux distributions ship them: in a folder, or one file."""
    metadata = invent(None, tmp_path, own="1.8.2") / file
    metadata.parent.mkdir(exist_ok=True)
    text = "Metadata-Version: 1.2\nName: ididi\nVersion: 1.5\n"
    metadata.write_text(text, encoding="utf-8")

    assert tell(tmp_path)["version"] == "1.5"


def by_setuptools(metadata: Path) -> Path:
    """Name the folder *metadata*, and the file in it, as setuptools does."""
    (metadata / "METADATA").rename(metadata / "PKG-INFO")
    return metadata.rename(metadata.with_name("ididi.egg-info"))


@pytest.mark.parametrize("egg_info", [False, True])
def test_the_metadata_of_other_packages_are_not_those_of_ididi(
    tmp_path: Path, egg_info: bool
) -> None:
    """They are in the same folder, and so is what a person has put there."""
    folder = invent("1.4.3", tmp_path, own="1.8.2")
    if egg_info:
        by_setuptools(folder / "ididi-1.4.3.dist-info")
    (folder / "ididi-notes.txt").write_text("Version: 9.0\n", encoding="utf-8")
    for name in ("aardvark", "ididi_tools", "zebra"):
        metadata = folder / f"{name}-9.0.dist-info"
        metadata.mkdir()
        text = f"Metadata-Version: 2.1\nName: {name}\nVersion: 9.0\n"
        (metadata / "METADATA").write_text(text, encoding="utf-8")

    assert tell(folder, IN_ORDER + TELL)["version"] == "1.4.3"


def test_metadata_that_come_first_on_the_path_are_not_those_of_the_module(
    tmp_path: Path,
) -> None:
    """If it has some beside it; an editable installation has none there."""
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    other = invent("1.4.3", tmp_path / "first")
    shutil.rmtree(other / "ididi")
    record = "ididi-1.4.3.dist-info/METADATA,,\n__editable__.ididi.pth,,\n"
    (other / "ididi-1.4.3.dist-info" / "RECORD").write_text(record, encoding="utf-8")
    behind = invent("1.8.2", tmp_path / "second", own="1.8.3")

    place = f"sys.path.index({str(other)!r}) + 1"
    found = f"import sys; sys.path.insert({place}, {str(behind)!r})\n{TELL}"
    assert tell(other, found)["version"] == "1.8.2"
    egg_info = by_setuptools(behind / "ididi-1.8.2.dist-info")
    assert tell(other, found)["version"] == "1.8.2"
    shutil.rmtree(egg_info)
    assert tell(other, found)["version"] == "1.4.3"


def test_the_metadata_may_be_in_a_zip_file(tmp_path: Path) -> None:
    """With the package, as in an application that is one file."""
    folder = invent("1.4.3", tmp_path / "ididi", own="1.8.2")
    shutil.make_archive(str(tmp_path / "application"), "zip", folder)

    assert tell(tmp_path / "application.zip")["version"] == "1.4.3"


def test_without_any_version_ididi_is_left_alone(tmp_path: Path) -> None:
    """With one warning, that says so."""
    told = tell(invent(None, tmp_path))

    assert told["state"] == "failed"
    assert told["version"] is None
    assert told["raises"] is True
    assert "version of ididi is unknown" in str(told["reason"])
    assert len(told["warnings"]) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("version", ["unreadable", "1.8.2-final-final"])
def test_an_unreadable_version_is_left_alone(tmp_path: Path, version: str) -> None:
    """With one warning, that names it."""
    told = tell(invent(None, tmp_path, own=version))

    assert told["state"] == "failed"
    assert told["raises"] is True
    assert repr(version) in str(told["reason"])
    assert len(told["warnings"]) == 1  # type: ignore[arg-type]


def test_empty_metadata_are_no_version(tmp_path: Path) -> None:
    """A half-removed distribution: ididi's own word counts."""
    folder = invent(None, tmp_path, own="1.8.2")
    (folder / "ididi-1.8.2.dist-info").mkdir()

    told = tell(folder)

    assert told["state"] == "active"
    assert told["version"] == "1.8.2"


SCOPES = "class SyncScope(ResolveScope):\n"

LOOK = """
import ididi_scopefix
import ididi.graph
after = dict(vars(ididi.graph))
classes = {
    name: dict(vars(each))
    for name, each in after.items()
    if isinstance(each, type) and each.__module__ == "ididi.graph"
}
status = ididi_scopefix.status()
assert status.state == "failed", status
assert status.patched == ()
assert "ididi is as it was" in status.reason
assert len(warnings) == 1, warnings

for owner in classes.values():
    for each in owner.values():
        code = getattr(each, "__code__", None)
        assert code is None or "ididi_scopefix" not in code.co_filename
        inner = getattr(each, "__wrapped__", None)
        code = getattr(inner, "__code__", None)
        assert code is None or "ididi_scopefix" not in code.co_filename
assert "ididi_scopefix" not in type(after.get("_SCOPE_CONTEXT")).__module__
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("_SCOPE_CONTEXT", "_CURRENT_SCOPE"),
        ("def use_scope(", "def current_scope("),
        ("_create_scope", "_make_scope"),
        ("_resolved_singletons", "_resolved"),
        ("_registered_singletons", "_registered"),
        ("_type_registry", "_types"),
        ("def pre(", "def previous("),
        ("class Graph(", "class Board("),
        ("def ascope(", "def open_async("),
        (
            SCOPES,
            f"{SCOPES}    def use_scope(self):\n        return _SCOPE_CONTEXT.get()\n",
        ),
    ],
)
def test_other_internals_leave_ididi_as_it_was(
    tmp_path: Path, old: str, new: str
) -> None:
    """An import that works, one warning, and nothing replaced."""
    folder = invent("1.8.2", tmp_path, (old, new), own="1.8.2")
    if old == "class Graph(":
        graph = folder / "ididi" / "graph.py"
        graph.write_text(graph.read_text() + "\nclass Graph: ...\n")

    children.run(children.LISTEN + LOOK, path=folder)

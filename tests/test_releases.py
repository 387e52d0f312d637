"""Which releases are patched, by their version, and where that is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from ididi_scopefix import _releases as table
from tests.imports.conftest import needs_source
from tests.other_releases import download, invent, put_metadata


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("1.4.2rc1", "by design"),
        ("1.4.3.post99", "upgrade to 1.4.4"),
        # It is no 1.4.3, and comes before 1.4.4.
        ("1.4.4rc1", "not in the range >=1.4.4"),
    ],
)
def test_an_unaffected_version_is_told_why(version: str, words: str) -> None:
    """The reason is a sentence that names the version."""
    reason = str(table.reason_to_leave_alone(version))
    assert reason.startswith(f"ididi {version} is left alone: ")
    assert words in reason
    assert reason.endswith(".")


@pytest.mark.parametrize(
    ("version", "is_verified"),
    [
        ("1.4.4", True),
        ("v1.8.2.0", True),  # another spelling of 1.8.2
        ("1.4.4.post1", False),
        ("1.4.4+local.1", False),
        ("1.5.0a1", False),
        ("1.9.0.dev3", False),
        ("2!0.1", False),
    ],
)
def test_an_affected_version_is_verified_or_not(
    version: str, is_verified: bool
) -> None:
    """PEP 440 orders pre-, post-, dev- and local versions, and compares spellings."""
    assert table.reason_to_leave_alone(version) is None
    assert table.is_verified(version) is is_verified


@pytest.mark.parametrize("text", ["", "unreadable", "1.8.2-final-final", "1.8.*"])
def test_what_pep_440_refuses_as_a_version_is_refused(text: str) -> None:
    """The one error says what to do."""
    for function in (table.is_verified, table.reason_to_leave_alone):
        with pytest.raises(table.UnknownReleaseError, match="reinstall ididi"):
            function(text)


def test_the_verified_releases_are_affected_ones_in_order() -> None:
    """The newest is the last one, which the advice to pin a release names."""
    versions = [Version(version) for version in table.VERIFIED]

    assert versions == sorted(set(versions))
    assert all(each in SpecifierSet(table.AFFECTED) for each in versions)


@pytest.fixture
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with a release below the range, from the package index."""
    return download(request.param, tmp_path / request.param)


@pytest.mark.parametrize(
    ("older", "reason"),
    [("1.4.2", "by design"), ("1.4.3", "upgrade to 1.4.4 or newer")],
    indirect=["older"],
)
@pytest.mark.child
def test_an_unaffected_release_is_left_alone(older: Path, reason: str) -> None:
    """Its graphs have no default scope, so there is nothing to seed a context with."""
    import sys
    from contextvars import Context

    import ididi_scopefix
    from tests.imports.calls import check_unpatched

    sys.path.insert(0, str(older))
    assert ididi_scopefix.status().ididi_version == older.name
    check_unpatched("inactive", reason)
    from ididi import Graph

    try:
        Context().run(ididi_scopefix.seed, Graph())
    except RuntimeError as error:
        assert f"no default scope: {ididi_scopefix.status().reason}" in str(error)
    else:
        raise AssertionError("it has returned something")


def behind_another(folder: Path) -> list[Path]:
    """Return a path on which the metadata of another ididi come first."""
    put_metadata(folder, "1.8.4")
    return [folder, invent("1.4.3", folder / "behind", own="1.8.2")]


def editable(folder: Path) -> list[Path]:
    """Return a path on which the metadata are not beside the module."""
    record = "ididi-1.4.3.dist-info/METADATA,,\n__editable__.ididi.pth,,\n"
    (put_metadata(folder, "1.4.3") / "RECORD").write_text(record, encoding="utf-8")
    return [folder, invent(None, folder / "source", own="1.8.2")]


def of_setuptools(folder: Path) -> list[Path]:
    """Return a path to metadata in one file, as Linux distributions ship them."""
    metadata = put_metadata(invent(None, folder, own="1.8.2"), "1.4.3") / "METADATA"
    metadata.rename(folder / "ididi-1.4.3-py3.egg-info")
    return [folder]


def without_metadata(folder: Path) -> list[Path]:
    """Return a path to an ididi that alone says its version."""
    return [invent(None, folder, own="1.8.3")]


@pytest.fixture
def paths(request: pytest.FixtureRequest, tmp_path: Path) -> list[str]:
    """The folders of an ididi, to be put on ``sys.path``."""
    return [str(path) for path in request.param(tmp_path)]


@needs_source
@pytest.mark.parametrize(
    ("paths", "version"),
    [
        (behind_another, "1.4.3"),
        (editable, "1.4.3"),
        (of_setuptools, "1.4.3"),
        (without_metadata, "1.8.3"),
    ],
    indirect=["paths"],
)
@pytest.mark.child
def test_the_metadata_say_the_version_or_else_ididi(
    paths: list[str], version: str
) -> None:
    """They are those of the module, and decide whether it is patched."""
    import sys

    import ididi_scopefix
    from tests.imports.calls import raises

    sys.path[:0] = paths
    assert raises() is (version == "1.4.3")
    assert ididi_scopefix.status().ididi_version == version


@needs_source
@pytest.mark.child
def test_the_version_stays_that_of_the_module(tmp_path: Path) -> None:
    """``pip install -U`` under a running process changes the metadata alone."""
    import sys

    import ididi_scopefix
    from tests.imports.calls import check_patched
    from tests.other_releases import invent

    sys.path.insert(0, str(invent("1.8.2", tmp_path)))
    check_patched()
    metadata = tmp_path / "ididi-1.8.2.dist-info" / "METADATA"
    metadata.write_text(metadata.read_text().replace("1.8.2", "9.9"))
    assert ididi_scopefix.status().ididi_version == "1.8.2"

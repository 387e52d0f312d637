"""Which releases are patched: decided by ranges, and by a probe above them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from packaging.version import InvalidVersion, Version

from ididi_scopefix import releases as table
from tests import children, releases

if TYPE_CHECKING:
    from pathlib import Path

TELL = """
import json, logging, sys

warnings = []

class Handler(logging.Handler):
    def emit(self, record):
        warnings.append(record.getMessage())

handler = Handler(logging.WARNING)
logging.getLogger("ididi_scopefix").addHandler(handler)

import ididi_scopefix
before = ididi_scopefix.status()
import ididi, ididi.graph
status = ididi_scopefix.status()

from contextvars import Context

def raises():
    try:
        graph = ididi.Graph()
        Context().run(graph.use_scope)
    except LookupError:
        return True
    except Exception as error:
        return type(error).__name__
    return False

print(json.dumps({
    "state": status.state,
    "reason": status.reason,
    "version": status.ididi_version,
    "version_before": before.ididi_version,
    "patched": list(status.patched),
    "raises": raises(),
    "warnings": warnings,
}))
"""


def tell(folder: Path, **environment: str) -> dict[str, object]:
    """Return what the shim makes of the ididi in *folder*."""
    import json

    output = children.run(TELL, path=folder, **environment).stdout
    told: dict[str, object] = json.loads(output)
    return told


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The releases below the range, from the package index."""
    return {
        version: releases.download(version, tmp_path_factory.mktemp("ididi"))
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


def test_1_4_3_is_left_alone_and_told_what_to_do(folders: dict[str, Path]) -> None:
    """The same symptom, but outside of the range."""
    told = tell(folders["1.4.3"])

    assert told["state"] == "inactive"
    assert told["version"] == "1.4.3"
    assert "upgrade to 1.4.4 or newer" in str(told["reason"])
    assert told["raises"] is True
    assert told["patched"] == told["warnings"] == []


@pytest.mark.parametrize("version", ["1.8.5", "2.0", "1.9.0rc1", "1.8.4.post1"])
def test_a_newer_release_that_still_raises_is_patched(
    tmp_path: Path, version: str
) -> None:
    """The probe finds out."""
    told = tell(releases.invent(version, tmp_path, own=version))

    assert told["state"] == "active"
    assert told["version"] == version
    assert told["raises"] is False
    assert told["warnings"] == []


@pytest.mark.parametrize("version", ["1.8.5", "2.0", "1.9.0rc1", "1.8.4.post1"])
def test_a_newer_release_that_answers_is_left_alone(
    tmp_path: Path, version: str
) -> None:
    """The probe finds out."""
    told = tell(releases.invent(version, tmp_path, *releases.FIXED, own=version))

    assert told["state"] == "inactive"
    assert told["version"] == version
    assert "by itself" in str(told["reason"])
    assert told["patched"] == told["warnings"] == []
    assert told["raises"] is False


def test_a_newer_release_that_is_half_fixed_is_patched(tmp_path: Path) -> None:
    """As 1.8.4 is: use_scope still raises."""
    guard = (
        "previous_scope = _SCOPE_CONTEXT.get()",
        "previous_scope = _SCOPE_CONTEXT.get(MISSING)",
    )

    told = tell(releases.invent("1.8.5", tmp_path, guard, own="1.8.5"))

    assert told["state"] == "active"
    assert told["raises"] is False


def test_a_newer_release_with_other_parameters_is_patched(tmp_path: Path) -> None:
    """What the methods take is passed on as it comes."""
    edits = (
        (
            "        as_async: bool = False,\n    ) ->",
            "        as_async: bool = False,\n        strict: bool = True,\n    ) ->",
        ),
        ("        scope = _SCOPE_CONTEXT.get()\n", READS_STRICT),
    )
    folder = releases.invent("1.8.5", tmp_path, *edits, own="1.8.5")

    children.run(
        """
        from contextvars import Context
        import ididi_scopefix, ididi
        assert ididi_scopefix.status().state == "active"
        graph = ididi.Graph()
        found = Context().run(lambda: graph.use_scope(strict=False))
        assert found is graph.use_scope()
        """,
        path=folder,
    )


READS_STRICT = (
    "        assert not strict or True\n        scope = _SCOPE_CONTEXT.get()\n"
)


def test_the_version_comes_from_the_metadata(tmp_path: Path) -> None:
    """Not from what ididi says of itself."""
    told = tell(releases.invent("1.4.3", tmp_path, own="1.8.2"))

    assert told["version"] == "1.4.3"
    assert told["state"] == "inactive"


def test_without_metadata_ididi_says_its_version(tmp_path: Path) -> None:
    """It binds it last, and the hook waits for it.

    The metadata of the release that this one hides are not its own.
    """
    told = tell(releases.invent(None, tmp_path, own="1.4.4"))

    assert told["version"] == "1.4.4"
    assert told["state"] == "active"
    assert told["raises"] is False


def test_without_any_version_ididi_is_left_alone(tmp_path: Path) -> None:
    """With one warning, that says so."""
    told = tell(releases.invent(None, tmp_path))

    assert told["state"] == "failed"
    assert told["version"] is None
    assert told["raises"] is True
    assert "version of ididi is unknown" in str(told["reason"])
    assert len(told["warnings"]) == 1  # type: ignore[arg-type]


@pytest.mark.parametrize("version", ["unreadable", "1.8.2-final-final"])
def test_an_unreadable_version_is_left_alone(tmp_path: Path, version: str) -> None:
    """With one warning, that names it."""
    told = tell(releases.invent(None, tmp_path, own=version))

    assert told["state"] == "failed"
    assert told["raises"] is True
    assert repr(version) in str(told["reason"])
    assert len(told["warnings"]) == 1  # type: ignore[arg-type]


def test_empty_metadata_are_no_version(tmp_path: Path) -> None:
    """A half-removed distribution: ididi's own word counts."""
    folder = releases.invent(None, tmp_path, own="1.8.2")
    (folder / "ididi-1.8.2.dist-info").mkdir()

    told = tell(folder)

    assert told["state"] == "active"
    assert told["version"] == "1.8.2"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("_SCOPE_CONTEXT", "_CURRENT_SCOPE"),
        ("def use_scope(", "def current_scope("),
        ("_create_scope", "_make_scope"),
        ("_type_registry", "_types"),
        ("class Graph(", "class Board("),
        ("def ascope(", "def open_async("),
    ],
)
def test_renamed_internals_leave_ididi_as_it_was(
    tmp_path: Path, old: str, new: str
) -> None:
    """An import that works, one warning, and nothing replaced."""
    folder = releases.invent("1.8.2", tmp_path, (old, new), own="1.8.2")
    if old == "class Graph(":
        graph = folder / "ididi" / "graph.py"
        graph.write_text(graph.read_text() + "\nclass Graph: ...\n")

    children.run(
        """
        import logging, sys
        warnings = []
        class Handler(logging.Handler):
            def emit(self, record):
                warnings.append(record.getMessage())
        logging.getLogger("ididi_scopefix").addHandler(Handler(logging.WARNING))

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
        """,
        path=folder,
    )


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.4.2", False),
        ("1.4.3", False),
        ("1.4.3.post1", False),
        ("1.4.4.dev1", False),
        ("1.4.4rc1", False),
        ("1.4.4", True),
        ("1.4.4.post1", True),
        ("1.4.4+local.1", True),
        ("1.5.0a1", True),
        ("1.8.4", True),
        ("1.9.0.dev3", True),
        ("2!0.1", True),
        ("v1.8.2", True),
    ],
)
def test_affected_is_decided_as_pep_440_orders(version: str, expected: bool) -> None:
    """Pre-, post-, dev- and local versions, epochs and all."""
    assert table.is_affected(version) is expected


def test_an_unreadable_version_is_neither_affected_nor_not() -> None:
    """Packaging's own error says so."""
    with pytest.raises(InvalidVersion):
        table.is_affected("unreadable")


def test_the_table_is_in_order_and_whole() -> None:
    """Every verified release is affected."""
    versions = [Version(version) for version in table.VERIFIED]

    assert versions == sorted(set(versions))
    assert len(versions) == 26
    for version in table.VERIFIED:
        assert table.is_affected(version)
        assert table.is_verified(version)
    assert not table.is_verified("1.8.4+local")
    assert not table.is_verified("9.9")

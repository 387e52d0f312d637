"""A probe decides whether releases that nobody has seen yet are patched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.imports.conftest import needs_source
from tests.other_releases import FIXED, invent, tell

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_source

READS = "        scope = _SCOPE_CONTEXT.get()\n"
READS_PREVIOUS = "previous_scope = _SCOPE_CONTEXT.get()"
MISSING = (READS_PREVIOUS, "previous_scope = MISSING")
SCOPE = '    def scope(self, name: Hashable = ""):\n        '
ASCOPE = '    async def ascope(self, name: Hashable = ""):\n        '
OPENS = "        ascope = self._create_ascope(name, previous_scope)\n"
WAITS = (
    "        from types import coroutine\n"
    "        @coroutine\n"
    "        def wait():\n"
    "            yield\n"
    "        await wait()\n"
)
NEEDS_PACKAGE = f"import ididi; ididi.Graph; {READS_PREVIOUS}"
WITH_PARAMETER = (
    "        as_async: bool = False,\n    ) ->",
    "        as_async: bool = False,\n        strict: bool = True,\n    ) ->",
)


@pytest.mark.parametrize("version", ["1.8.5", "2.0", "1.9.0rc1", "1.8.4.post1", None])
@pytest.mark.parametrize("is_fixed", [False, True])
def test_the_probe_decides_about_an_unknown_release(
    tmp_path: Path, version: str | None, is_fixed: bool
) -> None:
    """One that still raises is patched, one that answers is left alone."""
    told = tell(invent(version, tmp_path, *(FIXED if is_fixed else ()), own=version))

    assert told.version == version
    assert told.raises is False
    if is_fixed:
        assert told.is_left_alone()
        assert "answers in every context by itself" in told.reason
    else:
        assert told.is_active()


@pytest.mark.parametrize(
    "edits",
    [
        [(READS_PREVIOUS, "previous_scope = _SCOPE_CONTEXT.get(MISSING)")],
        [*FIXED, (f"{SCOPE}previous_scope = self._current()", SCOPE + READS_PREVIOUS)],
        [
            *FIXED,
            (f"{ASCOPE}previous_scope = self._current()", ASCOPE + READS_PREVIOUS),
        ],
        [
            *FIXED,
            ("other_scope = other.use_scope()", "other_scope = _SCOPE_CONTEXT.get()"),
        ],
        [WITH_PARAMETER],
        [(READS, f"        assert MISSING is not None\n{READS}")],
    ],
    ids=["use_scope", "scope", "ascope", "merge", "parameter", "longer"],
)
def test_a_release_in_which_a_call_still_raises_is_patched(
    tmp_path: Path, edits: list[tuple[str, str]]
) -> None:
    """Each of the calls is tried, and the patch helps each of them."""
    told = tell(invent("1.9.0", tmp_path, *edits, own="1.9.0"))

    assert told.is_active(), told
    assert told.raises is False


@pytest.mark.parametrize(
    ("edits", "raises"),
    [
        ([(READS, "        scope = self._create_scope('odd')\n"), MISSING], False),
        (
            [(READS, f"        raise OutOfScopeError()\n{READS}"), MISSING],
            "OutOfScopeError",
        ),
        ([*FIXED, ("_type_registry", "_registry")], False),
    ],
    ids=["another scope", "an error of its own", "other names"],
)
def test_a_release_that_answers_in_its_way_is_left_alone(
    tmp_path: Path, edits: list[tuple[str, str]], raises: bool | str
) -> None:
    """Anything returned is an answer, and so is an error of ididi's own."""
    told = tell(invent("1.9.0", tmp_path, *edits, own="1.9.0"))

    assert told.is_left_alone(), told
    assert "by itself" in told.reason
    assert told.raises == raises


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ([(READS, f"        raise TypeError('a\\nb')\n{READS}"), MISSING], "TypeError"),
        ([(READS_PREVIOUS, "raise RuntimeError('closed')")], "RuntimeError('closed')"),
        ([*FIXED, (OPENS, WAITS + OPENS)], "waited for something"),
        (
            [
                (
                    READS,
                    "        scope = _SCOPE_CONTEXT.get()\n        raise LookupError\n",
                )
            ],
            "still raised",
        ),
    ],
    ids=["another error", "at the start", "waits", "the patch does not help"],
)
@pytest.mark.parametrize("where", ["", "loop"])
def test_a_release_that_does_something_else_is_as_it_was(
    tmp_path: Path, edits: list[tuple[str, str]], words: str, where: str
) -> None:
    """The reason says what happened, in a running event loop too."""
    told = tell(invent("1.9.0", tmp_path, *edits, own="1.9.0"), where)

    assert told.failed(), told
    assert words in told.reason


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def use_scope(", "def current_scope("),
        ("_create_scope", "_make_scope"),
        ("_resolved_singletons", "_resolved"),
        ("_registered_singletons", "_registered"),
        ("_type_registry", "_types"),
        ("def ascope(", "def open_async("),
    ],
)
def test_other_names_in_a_newer_release_cost_one_line(
    tmp_path: Path, old: str, new: str
) -> None:
    """The import works, nothing is replaced, and the traceback is at DEBUG."""
    told = tell(invent("1.9.0", tmp_path, (old, new), own="1.9.0"))

    assert told.failed(), told


def test_a_release_with_another_variable_is_as_it_was(tmp_path: Path) -> None:
    """It still raises, and the reason names what is missing."""
    told = tell(invent("1.9.0", tmp_path, ("_SCOPE_CONTEXT", "_CURRENT"), own="1.9.0"))

    assert told.failed()
    assert "_SCOPE_CONTEXT" in told.reason


@pytest.mark.child
def test_a_release_is_probed_once_for_all_activations(tmp_path: Path) -> None:
    """It can be switched off and on; the probe's calls are not the program's."""
    import sys
    from contextvars import Context

    from tests.other_releases import invent

    sys.path.insert(0, str(invent("9.0.0", tmp_path)))
    import ididi

    import ididi_scopefix

    graph = Context().run(ididi.Graph)
    for number in range(3):
        assert ididi_scopefix.status().state == "active"
        assert ididi_scopefix.status().fallbacks == number
        Context().run(graph.use_scope)
        ididi_scopefix.deactivate()
        try:
            Context().run(graph.use_scope)
        except LookupError:
            ididi_scopefix.activate()
        else:
            raise AssertionError("it was answered")

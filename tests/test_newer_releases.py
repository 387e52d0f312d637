"""A probe decides whether releases that nobody has seen yet are patched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.imports.calls import ONE_WARNING
from tests.imports.conftest import needs_source
from tests.other_releases import FIXED, READS, READS_DEFAULT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_source

PREVIOUS = "previous_scope = "
GUARDED = (PREVIOUS + READS, f"{PREVIOUS}_SCOPE_CONTEXT.get(MISSING)")
SCOPE = 'def scope(self, name: Hashable = ""):\n        previous_scope = '
ASCOPE = f"async {SCOPE}".replace("scope(", "ascope(")
MERGE = "other_scope = "
USE_SCOPE = "        scope = "
CREATES = f"{USE_SCOPE}self._create_scope('odd')"
REFUSES = "        raise OutOfScopeError()"
OPENS = "        ascope = self._create_ascope(name, previous_scope)\n"
CLOSED = "        raise RuntimeError('closed')\n"
TICKS = "        __import__('__main__').tick()\n"
WAITS = "        from asyncio import sleep\n        await sleep(0)\n"


@pytest.mark.parametrize("version", ["1.8.5", "2.0", "1.9.0rc1", "1.8.4.post1", None])
@pytest.mark.parametrize("edits", [(), FIXED], ids=["affected", "fixed"])
@pytest.mark.child
def test_the_probe_decides_about_an_unknown_release(
    tmp_path: Path, version: str | None, edits: tuple[tuple[str, str], ...]
) -> None:
    """One that still raises is patched, one that answers is left alone."""
    import sys

    import ididi_scopefix
    from tests.imports.calls import check_patched, check_unpatched, raises
    from tests.other_releases import invent

    sys.path.insert(0, str(invent(version, tmp_path, *edits, own=version)))
    if edits:
        check_unpatched("inactive", "answers in every context by itself")
        assert not raises()
    else:
        # The calls of the probe are not counted: they are none of the program's.
        for number in range(1, 4):
            check_patched()
            assert ididi_scopefix.status().fallbacks == number
            ididi_scopefix.deactivate()
            assert raises()
            ididi_scopefix.activate()
    assert ididi_scopefix.status().ididi_version == version


@pytest.mark.parametrize(
    ("edits", "state"),
    [
        ([GUARDED], "active"),
        ([*FIXED, (SCOPE + READS_DEFAULT, SCOPE + READS)], "active"),
        ([*FIXED, (ASCOPE + READS_DEFAULT, ASCOPE + READS)], "active"),
        ([*FIXED, (f"{MERGE}other.use_scope()", MERGE + READS)], "active"),
        # Anything returned is an answer, and so is an error of ididi's own.
        ([GUARDED, (USE_SCOPE + READS, CREATES)], "inactive"),
        ([GUARDED, (USE_SCOPE + READS, REFUSES)], "inactive"),
        ([*FIXED, ("_type_registry", "_registry")], "inactive"),
    ],
)
@pytest.mark.child
def test_a_release_in_which_one_call_raises_is_patched(
    tmp_path: Path, edits: list[tuple[str, str]], state: str
) -> None:
    """Each of the calls is tried, and the patch helps each of them."""
    import sys

    from tests.imports.calls import check_patched, check_unpatched
    from tests.other_releases import invent

    sys.path.insert(0, str(invent("1.9.0", tmp_path, *edits)))
    if state == "active":
        check_patched()
    else:
        check_unpatched("inactive", "answers in every context by itself")


@pytest.mark.parametrize(
    ("edits", "words"),
    [
        ([GUARDED, (USE_SCOPE + READS, "        raise TypeError()")], "TypeError"),
        ([*FIXED, (OPENS, CLOSED + OPENS)], "RuntimeError('closed')"),
        ([*FIXED, (OPENS, WAITS + OPENS)], "waited for something"),
        ([(READS, f"{READS}\n        raise LookupError")], "still raised"),
        ([("def use_scope(", "def current_scope(")], "use_scope"),
        ([("def ascope(", "def open_async(")], "ascope"),
        ([("_create_scope", "_make_scope")], "_create_scope"),
        ([("_resolved_singletons", "_resolved")], "_resolved_singletons"),
        ([("_registered_singletons", "_registered")], "_registered_singletons"),
        ([("_type_registry", "_types")], "_type_registry"),
        ([("_SCOPE_CONTEXT", "_CURRENT")], "_SCOPE_CONTEXT"),
    ],
)
@pytest.mark.parametrize("in_a_loop", [False, True])
@pytest.mark.child(err=ONE_WARNING)
def test_a_release_with_other_internals_is_as_it_was(
    tmp_path: Path, edits: list[tuple[str, str]], words: str, in_a_loop: bool
) -> None:
    """The import works, nothing is replaced, and one line says what happened."""
    import asyncio
    import sys

    from tests.imports.calls import check_unpatched
    from tests.other_releases import invent

    async def import_ididi():
        import ididi

        assert ididi

    sys.path.insert(0, str(invent("1.9.0", tmp_path, *edits)))
    if in_a_loop:
        asyncio.run(import_ididi())
    check_unpatched("failed", words)


@pytest.mark.parametrize("edit", [(USE_SCOPE + READS, TICKS + USE_SCOPE + READS)])
@pytest.mark.child
def test_a_time_limit_passes_while_a_release_is_probed(
    tmp_path: Path, edit: tuple[str, str]
) -> None:
    """It is not taken for an error of that release, and the next import patches it."""
    import sys

    from tests.imports.calls import check_patched
    from tests.other_releases import invent

    class LimitError(Exception):
        """What a program's signal handler raises."""

    def tick() -> None:
        if is_late:
            raise LimitError

    sys.path.insert(0, str(invent("1.9.0", tmp_path, edit)))
    is_late = True
    try:
        __import__("ididi")
    except LimitError:
        is_late = False
    assert not is_late
    check_patched()

"""Releases that the probe can't make sense of: ididi is left as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import children, releases

if TYPE_CHECKING:
    from pathlib import Path

READS = "        scope = _SCOPE_CONTEXT.get()\n"
OPENS = (
    '    async def ascope(self, name: Hashable = ""):\n'
    "        previous_scope = _SCOPE_CONTEXT.get()\n"
)

TELL = """
import ididi_scopefix, ididi
status = ididi_scopefix.status()
print(status.state, "|", status.reason)
"""


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ((READS, f"        raise TypeError('other')\n{READS}"), "TypeError('other')"),
        (
            (READS, "        scope = self._create_scope('odd')\n"),
            "use_scope() returned the scope 'odd'",
        ),
        (
            (
                OPENS,
                (
                    '    async def ascope(self, name: Hashable = ""):\n'
                    "        await __import__('asyncio').sleep(0)\n"
                    "        previous_scope = _SCOPE_CONTEXT.get(None)\n"
                ),
            ),
            "a scope call",
        ),
    ],
)
def test_a_release_that_does_something_else_is_left_as_it_was(
    tmp_path: Path, edit: tuple[str, str], reason: str
) -> None:
    """With the reason in the status, and no exception from the import."""
    guard = ("previous_scope = _SCOPE_CONTEXT.get()", "previous_scope = MISSING")
    edits = [edit] if edit[0] is OPENS else [edit, guard]
    folder = releases.invent("1.9.0", tmp_path, *edits, own="1.9.0")

    told = children.run(TELL, path=folder).stdout

    assert told.startswith("failed | ")
    assert reason in told
    assert "ididi is as it was" in told


def test_a_release_is_probed_inside_a_running_event_loop(tmp_path: Path) -> None:
    """Where a program imports ididi late."""
    folder = releases.invent("1.9.0", tmp_path, *releases.FIXED, own="1.9.0")

    told = children.run(
        f"""
        import asyncio
        async def main():
            exec({TELL!r})
        asyncio.run(main())
        """,
        path=folder,
    )

    assert told.stdout.startswith("inactive | ididi 1.9.0 answers in every context")

"""What ``ididi-scopefix doctor`` shows: every call, before and after."""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING, Optional

from ididi_scopefix import doctor, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

# The places of an examination, in its order and in two lines each.
_COLUMNS = (
    ("empty", "context"),
    ("new thread,", "new loop"),
    ("thread-pool", "thread"),
    ("task, empty", "context"),
)


def show(as_json: bool) -> int:
    """Examine this interpreter and print the findings; return the exit code."""
    diagnosis = doctor.diagnose()
    if as_json:
        print(json.dumps(doctor.report(diagnosis), indent=2))
        return diagnosis.code
    for title, found in (
        ("without the shim", diagnosis.off),
        ("with the shim", diagnosis.on),
    ):
        if found is not None and found.failures:
            _table(title, list(doctor.rows(found.failures)))
    uvicorn = doctor.uvicorn()
    if uvicorn is not None and diagnosis.off.failures:
        print(_wrapped(doctor.about_uvicorn(uvicorn)))
    colour = terminal.good if diagnosis.code == doctor.WORKS else terminal.bad
    for sentence in diagnosis.verdict:
        print(colour(_wrapped(sentence)))
    return diagnosis.code


def _wrapped(sentence: str) -> str:
    return textwrap.fill(
        sentence, width=80, break_long_words=False, break_on_hyphens=False
    )


def _table(title: str, rows: Sequence[tuple[str, list[Optional[str]]]]) -> None:
    cells = [cell or "works" for _, row in rows for cell in row]
    heads = [head for column in _COLUMNS for head in column]
    width = 2 + max(map(len, (*cells, *heads)))
    for number, head in enumerate((title, "")):
        columns = "".join(f"{column[number]:{width}}" for column in _COLUMNS)
        print(terminal.heading(f"{head:22}") + columns.rstrip())
    for call, row in rows:
        line = f"  {call:20}"
        for error in row:
            cell = f"{error or 'works':{width}}"
            line += terminal.bad(cell) if error else terminal.good(cell)
        print(line.rstrip())
    print()

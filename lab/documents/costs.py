"""Copies what `make bench` has measured into the documents.

``python -m lab.documents.costs`` does, and a test sees to it that it was done.
"""

from __future__ import annotations

import re
import sys

from tests.docs.markdown import COSTS, README, ROOT, Document, table_of, with_table

RESULTS = "lab/benchmarks/RESULTS.md"
HEADER = ("call", "goal", "measured", "")

SHORT_HEADER = ("", "without the shim", "with it")
SHORT = {
    "`python -c pass` with the shim": "a start of Python, `python -c pass`",
    "`python -c 'import ididi'`, to plain ididi": "`import ididi`",
    "`with graph.scope()`, context has a scope": "a scope, `with graph.scope()`",
    "an empty context's first `scope()`, to ididi 1.8.4's own guard": (
        "a request's first scope, in an empty context (without the shim: 1.8.4)"
    ),
}
"""Which of the rows the README has, and what it calls them."""


def updated() -> dict[str, str]:
    """Return the texts of the documents with the tables as they have to be."""
    rows = Document(RESULTS).tables[0][1:]
    measured = {row[0]: durations(row[2]) for row in rows}
    short = [(name, *measured[row]) for row, name in SHORT.items()]
    tables = {COSTS: table_of(HEADER, *rows), README: table_of(SHORT_HEADER, *short)}
    return {
        path: with_table(Document(path).text, table) for path, table in tables.items()
    }


def durations(measured: str) -> tuple[str, str]:
    """Return how long something takes without the shim and with it."""
    found = re.search(r"\((.+) to (.+)\)", measured)
    assert found is not None, measured
    return found[1], found[2]


def main() -> int:
    """Update the documents."""
    for path, text in updated().items():
        (ROOT / path).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

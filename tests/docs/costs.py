"""Copies what `make bench` has measured into the page about costs.

``python -m tests.docs.costs`` does, and a test sees to it that it was done.
"""

from __future__ import annotations

import sys

from tests.docs.markdown import COSTS, ROOT, Document

RESULTS = "benchmarks/RESULTS.md"
HEADER = "| call | goal | measured | |"


def table() -> str:
    """Return the table of costs, as the page has to have it."""
    rows = ["| " + " | ".join(row) + " |" for row in Document(RESULTS).tables[0][1:]]
    return "\n".join([HEADER, "| --- | --- | --- | --- |", *rows]) + "\n"


def updated() -> str:
    """Return the text of the page with the table as it has to be."""
    before, header, rest = Document(COSTS).text.partition(HEADER)
    if not header:
        raise LookupError(f"{COSTS} has no table of costs")
    return before + table() + "\n" + rest.partition("\n\n")[2]


def main() -> int:
    """Update the page."""
    (ROOT / COSTS).write_text(updated(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

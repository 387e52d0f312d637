"""Copies what `make bench` has measured into the page about costs.

``python -m lab.documents.costs`` does, and a test sees to it that it was done.
"""

from __future__ import annotations

import sys

from tests.docs.markdown import COSTS, ROOT, Document, table_of, with_table

RESULTS = "lab/benchmarks/RESULTS.md"
HEADER = ("call", "goal", "measured", "")


def updated() -> str:
    """Return the text of the page with the table as it has to be."""
    table = table_of(HEADER, *Document(RESULTS).tables[0][1:])
    return with_table(Document(COSTS).text, table)


def main() -> int:
    """Update the page."""
    (ROOT / COSTS).write_text(updated(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

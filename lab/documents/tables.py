"""Makes the tables that the laboratory writes into the documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def table_of(*lines: Sequence[str]) -> str:
    """Return a table, whose first line is its header."""
    header, *others = ("| " + " | ".join(line) + " |\n" for line in lines)
    ruler = "| " + " | ".join("---" for _ in lines[0]) + " |\n"
    return "".join([header.replace("|  |", "| |"), ruler, *others])


def with_table(text: str, table: str) -> str:
    """Return *text* with *table* in the place of the one that has its header."""
    before, header, rest = text.partition(table.partition("\n")[0])
    if not header:
        raise LookupError(f"there is no table {table.splitlines()[0]}")
    return before + table + "\n" + rest.partition("\n\n")[2]

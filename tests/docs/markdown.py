"""Reads the documents: headings, code blocks, tables and links of Markdown.

docs/releasing.md says what the words behind a block's opening fence mean.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parents[2]
README = "README.md"
OPERATIONS = "docs/operations.md"
RECIPES = "docs/recipes.md"
ALTERNATIVES = "docs/alternatives.md"
COSTS = "docs/costs.md"
EVIDENCE = "docs/evidence.md"
HOSTS = "docs/hosts-table.md"
ROOT_CAUSE = "docs/root-cause.md"
API = "docs/api.md"
DOCUMENTS = (
    README,
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    "CONTRIBUTING.md",
)
"""The documents whose blocks are run."""

TRANSLATIONS = {
    "docs/zh-CN/README.md": README,
    "docs/zh-CN/operations.md": OPERATIONS,
    "docs/zh-CN/root-cause.md": ROOT_CAUSE,
}
"""The translations, which have the blocks of their originals."""

_FENCE = re.compile(r"^```(\S*) ?(.*)$")
_HEADING = re.compile(r"^(#+) (.+)$")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A code block.

    Attributes:
        language: the first word behind its fence.
        name: the others: the file it is saved as, or how it is run.
        text: the lines.
        line: the number of its first line in the document.
    """

    language: str
    name: str
    text: str
    line: int


class Heading(NamedTuple):
    """A heading."""

    level: int
    title: str

    @property
    def anchor(self) -> str:
        """The name by which a link refers to it."""
        kept = re.sub(r"[^\w\- ]", "", self.title.lower())
        return kept.replace(" ", "-")


class Section(NamedTuple):
    """A heading and what is below it, up to the next heading.

    Attributes:
        document: the path of the document, from the project's root.
        headings: the heading, behind those that it is under.
        blocks: its code blocks.
        inherited: the code blocks of the sections that it is under.
    """

    document: str
    headings: tuple[Heading, ...]
    blocks: tuple[Block, ...]
    inherited: tuple[Block, ...]

    def __str__(self) -> str:
        return f"{self.document}: {self.headings[-1].title}"


class Document:
    """A parsed document.

    Args:
        path: its path, from the project's root.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.headings: list[Heading] = []
        self.blocks: list[Block] = []
        self.tables: list[list[list[str]]] = []
        self.links: list[str] = []
        self.text = (ROOT / path).read_text(encoding="utf-8")
        self._sections: list[tuple[tuple[Heading, ...], list[Block]]] = []
        self._parse()

    @property
    def sections(self) -> list[Section]:
        """Its sections, in order."""
        return [
            Section(
                self.path,
                headings,
                tuple(blocks),
                tuple(
                    block
                    for above, theirs in self._sections
                    if len(above) < len(headings) and headings[: len(above)] == above
                    for block in theirs
                ),
            )
            for headings, blocks in self._sections
        ]

    def table(self, first: str) -> list[list[str]]:
        """Return the table whose upper left cell says *first*."""
        (found,) = (table for table in self.tables if table[0][0] == first)
        return found

    def _parse(self) -> None:
        lines = iter(enumerate(self.text.splitlines(), 1))
        path: tuple[Heading, ...] = ()
        rows: list[list[str]] = []
        for number, line in lines:
            if fence := _FENCE.match(line):
                block = []
                for _, inner in lines:
                    if inner == "```":
                        break
                    block.append(inner + "\n")
                else:
                    raise ValueError(f"{self.path}:{number}: a fence without an end")
                language, name = fence.groups()
                self.blocks.append(Block(language, name, "".join(block), number + 1))
                self._sections[-1][1].append(self.blocks[-1])
            elif heading := _HEADING.match(line):
                found = Heading(len(heading[1]), heading[2])
                self.headings.append(found)
                path = (*(h for h in path if h.level < found.level), found)
                self._sections.append((path, []))
            if line.startswith("|"):
                rows.append([cell.strip() for cell in line.strip("|").split("|")])
            elif rows:
                self.tables.append([rows[0], *rows[2:]])
                rows = []
            self.links += _LINK.findall(line)
        if rows:
            self.tables.append([rows[0], *rows[2:]])


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

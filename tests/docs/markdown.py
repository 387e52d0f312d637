"""Reads the documents: sections, code blocks, tables and links of Markdown.

docs/releasing.md says what the words behind a block's opening fence mean.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
README = "README.md"
RECIPES = "docs/recipes.md"
DOCUMENTS = (
    README,
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    "CONTRIBUTING.md",
)
"""The documents whose blocks are run."""

_PART = re.compile(
    r"^```(?P<language>\S*) ?(?P<name>.*)\n(?P<text>(?:.*\n)*?)```$"
    r"|^(?P<level>#+) (?P<title>.+)$",
    re.MULTILINE,
)
_TABLE = re.compile(r"(?:^\|.*\n?)+", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A code block: the first word behind its fence, the others, and its lines."""

    language: str
    name: str
    text: str


class Section(NamedTuple):
    """A heading and what is below it, up to the next heading.

    Attributes:
        document: the path of the document, from the project's root.
        level: the level of the heading.
        title: the text of the heading.
        inherited: the code blocks of the sections that it is under.
        blocks: its own code blocks.
    """

    document: str
    level: int
    title: str
    inherited: list[Block]
    blocks: list[Block]

    def __str__(self) -> str:
        return f"{self.document}: {self.title}"

    @property
    def anchor(self) -> str:
        """The name by which a link refers to it."""
        return re.sub(r"[^\w\- ]", "", self.title.lower()).replace(" ", "-")


class Document:
    """A parsed document.

    Args:
        path: its path, from the project's root.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.text = (ROOT / path).read_text(encoding="utf-8")
        self.sections = self._sections()
        prose = _PART.sub("", self.text)
        self.links: list[str] = _LINK.findall(prose)
        self.tables = [_cells(table) for table in _TABLE.findall(prose)]

    @property
    def blocks(self) -> list[Block]:
        """Its code blocks, in order."""
        return [block for section in self.sections for block in section.blocks]

    def block(self, name: str) -> Block:
        """Return the code block that is called *name*."""
        (found,) = (block for block in self.blocks if block.name == name)
        return found

    def table(self, first: str) -> list[list[str]]:
        """Return the table whose upper left cell says *first*."""
        (found,) = (table for table in self.tables if table[0][0] == first)
        return found

    def _sections(self) -> list[Section]:
        found: list[Section] = []
        above: list[Section] = []
        for part in _PART.finditer(self.text):
            if part["level"]:
                level = len(part["level"])
                above = [section for section in above if section.level < level]
                inherited = [block for section in above for block in section.blocks]
                above.append(Section(self.path, level, part["title"], inherited, []))
                found.append(above[-1])
            else:
                block = Block(part["language"], part["name"], part["text"])
                found[-1].blocks.append(block)
        return found


def _cells(table: str) -> list[list[str]]:
    header, _, *others = table.splitlines()
    lines = [line.strip("|").split("|") for line in (header, *others)]
    return [[cell.strip() for cell in line] for line in lines]

"""The translation says what the README says."""

from __future__ import annotations

import re

from tests.docs.markdown import README, TRANSLATION, Document

ORIGINAL, TRANSLATED = Document(README), Document(TRANSLATION)


def test_the_headings_are_of_the_same_structure() -> None:
    """One for one, at the same levels."""
    assert levels(TRANSLATED) == levels(ORIGINAL)


def levels(document: Document) -> list[int]:
    return [heading.level for heading in document.headings]


def test_the_blocks_are_the_same() -> None:
    """Commands and programs are not translated, and tried once for both."""
    for translated, original in zip(TRANSLATED.blocks, ORIGINAL.blocks):
        assert translated._replace(line=0) == original._replace(line=0)
    assert len(TRANSLATED.blocks) == len(ORIGINAL.blocks)


def test_the_tables_say_the_same() -> None:
    """Row by row and cell by cell, as far as it is code or a number."""
    assert len(TRANSLATED.tables) == len(ORIGINAL.tables)
    for translated, original in zip(TRANSLATED.tables, ORIGINAL.tables):
        assert [list(map(facts, row)) for row in translated] == [
            list(map(facts, row)) for row in original
        ]


def facts(cell: str) -> list[str]:
    """Return what has to be the same in any language, in any order."""
    return sorted(re.findall(r"`[^`]+`|\d[\d.,]*\d|\d", cell))


def test_the_links_lead_to_the_same_places() -> None:
    """From another folder, and with headings in another language."""
    assert [place(link) for link in TRANSLATED.links] == [
        place(link) for link in ORIGINAL.links
    ]


def place(link: str) -> str:
    name, _, anchor = link.partition("#")
    if name.startswith("https://"):
        return name
    file = name.rpartition("/")[2]
    return f"{file}#" if anchor else file

"""The translations say what their originals say."""

from __future__ import annotations

import re

import pytest

from tests.docs.markdown import HOME, TRANSLATIONS, Document

pytestmark = pytest.mark.parametrize(("path", "original"), TRANSLATIONS.items())


def test_the_headings_are_of_the_same_structure(path: str, original: str) -> None:
    """One for one, at the same levels."""
    assert levels(Document(path)) == levels(Document(original))


def levels(document: Document) -> list[int]:
    return [heading.level for heading in document.headings]


def test_the_blocks_are_the_same(path: str, original: str) -> None:
    """Commands and programs are tried once for both; only comments are translated."""
    translated, blocks = Document(path).blocks, Document(original).blocks
    assert len(translated) == len(blocks)
    for theirs, ours in zip(translated, blocks):
        assert (theirs.language, theirs.name) == (ours.language, ours.name)
        if ours.language == "mermaid":
            # Its labels are translated; arrows and names of nodes are not.
            assert re.findall(r"--|\b\w+\[", theirs.text) == re.findall(
                r"--|\b\w+\[", ours.text
            )
        else:
            assert without_comments(theirs.text) == without_comments(ours.text)


def without_comments(code: str) -> str:
    """Return *code* with nothing behind the sign that begins a comment."""
    return re.sub(r"(^|\s)# .*", r"\1#", code)


def test_the_tables_say_the_same(path: str, original: str) -> None:
    """Row by row and cell by cell, as far as it is code or a number."""
    translated, tables = Document(path).tables, Document(original).tables
    assert len(translated) == len(tables)
    for theirs, ours in zip(translated, tables):
        assert [list(map(facts, row)) for row in theirs] == [
            list(map(facts, row)) for row in ours
        ]


def facts(cell: str) -> list[str]:
    """Return what has to be the same in any language, in any order."""
    return sorted(re.findall(r"`[^`]+`|\d[\d.,]*\d|\d", cell))


def test_the_links_lead_to_the_same_places(path: str, original: str) -> None:
    """From another folder, and with headings in another language."""
    assert list(map(place, Document(path).links)) == list(
        map(place, Document(original).links)
    )


def place(link: str) -> str:
    name, _, anchor = link.partition("#")
    if name.startswith("https://") and not name.startswith(HOME):
        return name
    file = name.rpartition("/")[2]
    return f"{file}#" if anchor else file

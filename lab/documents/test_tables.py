"""The tables of the documents say what the laboratory expects and has seen."""

from __future__ import annotations

import re

from packaging.version import Version

from ididi_scopefix import _releases as table
from ididi_scopefix.command.doctor import UVICORN
from lab.documents import comparison, hosts
from lab.servers import rows
from tests.docs.markdown import Document

ROOT_CAUSE = "docs/root-cause.md"


def test_the_table_of_workers_is_the_one_that_is_tried() -> None:
    """Server by server, what `make servers` expects and has seen."""
    tried = {(row.name, row.workers): str(row.without) for row in rows.SERVERS}
    (_, *lines) = Document(ROOT_CAUSE).table("server, without the shim")

    for name, *cells in lines:
        assert cells == [tried.get((name, count), "not tried") for count in (1, 2)]


def test_the_table_of_servers_says_what_was_measured() -> None:
    """Cell by cell, what `nox --session compare` expects and has seen."""
    for name, *cells in server_rows()[1:]:
        versions = [Version(found) for found in re.findall(r"\d[\d.]+\d", name)]
        seen: list[set[int]] = [set(), set(), set(), set()]
        for row in comparison.SERVERS:
            if row.shim == ("shim" in name) and (
                versions[0] <= Version(row.ididi) <= versions[-1]
            ):
                for call, answer in zip(comparison.CALLS, row.answers):
                    if row.shim or f"`{call}`" in name:
                        seen[column(row)].add(answer)

        assert [{int(cell)} for cell in cells] == seen


def server_rows() -> list[list[str]]:
    """Return the table of the releases of ididi and uvicorn."""
    tables = Document(ROOT_CAUSE).tables
    (found,) = (table for table in tables if table[0][1].startswith("uvicorn"))
    return found


def column(row: comparison.Row) -> int:
    """Return in which column of the table a row of the comparison belongs."""
    if row.options:
        return 3
    return sum(Version(row.uvicorn) >= Version(since) for since in [*UVICORN][1:])


def test_the_alternatives_answer_what_was_measured() -> None:
    """Row by row, what `nox --session compare` expects and has seen."""
    lines = Document("docs/alternatives.md").table("what you do")[1:]

    for (_, ididi, uvicorn, *answers), row in zip(lines, comparison.ALTERNATIVES):
        assert (ididi, uvicorn) == (row.ididi, row.uvicorn)
        assert tuple(map(int, answers)) == row.answers
    assert len(lines) == len(comparison.ALTERNATIVES)


def test_the_evidence_counts_what_there_is() -> None:
    """Releases, servers and programs, by the tables they are in."""
    lines = Document("docs/evidence.md").table("what is tried")
    text = " ".join(line[0] for line in lines)

    assert f"each of the {len(table.VERIFIED)} affected releases" in text
    assert f"under {len(rows.SERVERS)} configurations of servers" in text
    assert f"in {len(rows.PROGRAMS)} programs" in text


def test_the_hosts_are_those_that_are_tried() -> None:
    """`python -m lab.documents.hosts` writes them, after a change of the rows."""
    assert hosts.updated() == Document(hosts.HOSTS).text

"""Writes what is expected of each server into the page about hosts.

``python -m lab.documents.hosts`` does, and a test sees to it that it was done. What
is expected is in ``lab/servers/rows.py``, and the sessions for servers try it.
"""

from __future__ import annotations

import sys

from lab.documents.tables import table_of, with_table
from lab.servers import rows
from tests.docs.markdown import ROOT, Document

HOSTS = "docs/hosts-table.md"
BUILT = (
    "host, without the shim",
    "graph built at import",
    "in the lifespan",
    "by the first request",
)
FOUND = ("server", "pipelined", "after a large body", "websocket after a large body")
ANSWERS = {
    (200, 200): "works",
    (500, 500): "fails",
    (200, 500): "only the first request works",
}


def when_built() -> str:
    """Return the table of graphs that are built at import, or later."""
    seen: dict[str, dict[str, str]] = {}
    for server in rows.SERVERS:
        if server.workers == 1:
            answer = ANSWERS[server.without, server.without]
            seen[server.name] = {"import": answer}
    for host in rows.HOSTS:
        cells = seen.setdefault(host.name, {})
        # The row of the lifespan comes before that of the first request.
        cells.setdefault("lifespan", "has no lifespan")
        cells[host.built] = ANSWERS[host.without]
    lines = [
        (name, *(cells.get(each, "not tried") for each in rows.MOMENTS))
        for name, cells in seen.items()
    ]
    return table_of(BUILT, *lines)


def version_of(row: rows.Exposed) -> str:
    """Return which uvicorn a row is about, if it is about a uvicorn."""
    _, _, version = row.environment.rpartition("uvicorn-")
    if version == row.environment:
        return ""
    return rows.NEWEST if version == "newest" else version


def what_is_found() -> str:
    """Return the table of what a request finds of the one before it."""
    versions: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for row in rows.EXPOSED_SERVERS:
        cells = ["leaks" if kind in row.leaks else "clean" for kind in rows.ATTACKS]
        if not rows.has_websocket(row):
            cells[-1] = "not tried"
        name = row.name.replace("--reset-contextvars", "with `--reset-contextvars`")
        versions.setdefault((name, tuple(cells)), []).append(version_of(row))
    return table_of(
        FOUND,
        *(
            (name.replace("uvicorn", f"uvicorn {', '.join(found)}"), *cells)
            for (name, cells), found in versions.items()
        ),
    )


def updated() -> str:
    """Return the text of the page with the tables as they have to be."""
    text = with_table(Document(HOSTS).text, when_built())
    return with_table(text, what_is_found())


def main() -> int:
    """Update the page."""
    (ROOT / HOSTS).write_text(updated(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

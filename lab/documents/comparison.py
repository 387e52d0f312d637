"""What there is instead of the shim, measured: ``nox --session compare``.

The tables of answers in the documents are the expectations below, and a run fails
if one of them is not what a server answers.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

from lab.servers.rows import NEWEST
from tests.serving import Server

CALLS = ("ascope", "use_scope", "default", "thread")
"""What the application does in a request, by its path."""

ORDINARY = "lab.documents.scopes_app:app"
SEEDED_IN_LIFESPAN = "lab.documents.scopes_app:seeded_in_lifespan"

WORKS = (200, 200, 200, 200)
RAISES = (500, 500, 500, 500)
# In a context that is a copy of the one that built the graph.
COPIES = (200, 200, 200, 500)


class Row(NamedTuple):
    """A way to run the application, and what it answers.

    Attributes:
        ididi: the release of ididi.
        uvicorn: the release of uvicorn.
        answers: the status for each of :data:`CALLS`.
        options: options of uvicorn.
        app: the application.
        shim: whether the shim is on.
    """

    ididi: str
    uvicorn: str
    answers: tuple[int, int, int, int]
    options: tuple[str, ...] = ()
    app: str = ORDINARY
    shim: bool = False


_RESET = ("--reset-contextvars",)

ALTERNATIVES = (
    Row("1.8.2", "0.40.0", RAISES),
    Row("1.7.9", "0.40.0", RAISES),
    Row("1.8.4", "0.40.0", (200, 500, 500, 200)),
    Row("1.8.2", "0.40.0", RAISES, app=SEEDED_IN_LIFESPAN),
    Row("1.8.2", "0.38.0", COPIES),
    Row("1.8.2", NEWEST, COPIES),
    Row("1.8.2", "0.40.0", WORKS, shim=True),
    Row("1.8.4", "0.40.0", WORKS, shim=True),
)
"""The rows of the page about alternatives, in its order."""


IDIDI = ("1.4.4", "1.5.4", "1.6.0", "1.7.9", "1.8.3", "1.8.4")
"""The releases of ididi at the ends of each family, but the newest."""


def _server(uvicorn: str, options: tuple[str, ...] = (), *, empty: bool) -> list[Row]:
    """Return the rows of a server, which starts requests in *empty* contexts."""
    rows = []
    for ididi in IDIDI:
        if ididi == "1.8.4":
            answers = (200, 500, 500, 200) if empty else WORKS
        else:
            answers = RAISES if empty else COPIES
        rows.append(Row(ididi, uvicorn, answers, options))
        rows.append(Row(ididi, uvicorn, WORKS, options, shim=True))
    return rows


SERVERS = (
    *_server("0.38.0", empty=False),
    *_server("0.39.0", empty=True),
    *_server("0.44.0", empty=True),
    *_server("0.45.0", empty=False),
    *_server("0.45.0", _RESET, empty=True),
    *_server(NEWEST, empty=False),
    *_server(NEWEST, _RESET, empty=True),
)
"""The cells of the table of ididi and uvicorn, at both ends of each."""

ROWS = tuple(dict.fromkeys((*ALTERNATIVES, *SERVERS)))


def environments() -> list[tuple[str, str]]:
    """Return the releases of ididi and uvicorn that are tried together."""
    return list(dict.fromkeys((row.ididi, row.uvicorn) for row in ROWS))


def measure(row: Row) -> tuple[int, ...]:
    """Start a server and return what it answers."""
    command = ("uvicorn", row.app, "--host", "127.0.0.1", "--port", "{port}")
    with Server(
        (*command, "--log-level", "critical", *row.options),
        IDIDI_SCOPEFIX=str(int(row.shim)),
    ) as server:
        return tuple(server.request("GET", f"/{call}").status for call in CALLS)


def main(ididi: str, uvicorn: str) -> int:
    """Try the rows of one environment; return the exit status."""
    wrong = 0
    for row in ROWS:
        if (row.ididi, row.uvicorn) == (ididi, uvicorn):
            answers = measure(row)
            print(row, "has answered", answers, flush=True)
            if answers != row.answers:
                print(f"NOT AS EXPECTED: {row.answers}", file=sys.stderr)
                wrong = 1
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

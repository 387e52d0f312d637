"""The bug and the cure, on a real server: ``make demo``."""

from __future__ import annotations

import shutil
import sys
import textwrap
from importlib.metadata import version
from itertools import zip_longest
from typing import NamedTuple

from examples.serving import Server, ending_cleanly

SERVER = (
    "uvicorn",
    "examples.service.app:app",
    "--host",
    "127.0.0.1",
    "--port",
    "{port}",
    "--log-level",
    "warning",
)
CREDENTIALS = {"username": "ada", "password": "analytical"}
SYMPTOM = "LookupError: <ContextVar name='idid_scope_ctx'"
REQUESTS = 3
"""The bug answers every request, and not just the first one."""


class Seen(NamedTuple):
    """What one run of the service has shown."""

    statuses: list[int]
    body: str
    error: str
    """The line of the server's log that tells of the bug, if there is one."""


def main() -> int:
    """Run the service without and with the shim; return the exit status."""
    print(
        f"The service of examples/service on 127.0.0.1, as one process"
        f"\n(ididi {version('ididi')}, FastAPI {version('fastapi')},"
        f" uvicorn {version('uvicorn')}, Python {sys.version.split()[0]})\n"
    )
    with ending_cleanly():
        off, on = run("0"), run("1")
    print(side_by_side(told("SHIM OFF (IDIDI_SCOPEFIX=0)", off), told("SHIM ON", on)))
    differences = list(compared(off, on))
    for difference in differences:
        print(f"NOT AS EXPECTED: {difference}", file=sys.stderr)
    if not differences:
        print("As expected: `import ididi_scopefix` makes the 500 a 200.")
    return 1 if differences else 0


def run(switch: str) -> Seen:
    """Start the service, ask it for tokens, and end it."""
    with Server(SERVER, IDIDI_SCOPEFIX=switch) as server:
        answers = [
            server.request("POST", "/api/v1/token", CREDENTIALS)
            for _ in range(REQUESTS)
        ]
        # It may log an error only after it has answered.
        server.stop()
        lines = server.log().splitlines()
    return Seen(
        [answer.status for answer in answers],
        answers[-1].body.decode(errors="replace"),
        next((line for line in lines if "LookupError" in line), ""),
    )


def told(title: str, seen: Seen) -> list[str]:
    """Return what was seen, as the paragraphs of a column."""
    return [
        title,
        "",
        "POST /api/v1/token",
        *(f"-> {status}" for status in seen.statuses),
        "",
        "the last answer",
        seen.body,
        "",
        "LookupError in the server's log",
        seen.error.strip() or "none",
    ]


def side_by_side(left: list[str], right: list[str]) -> str:
    """Return two columns as wide as the terminal allows."""
    width = (min(shutil.get_terminal_size((96, 24)).columns, 120) - 3) // 2
    lines = []
    for pair in zip(left, right):
        cells = [textwrap.wrap(text, width) or [""] for text in pair]
        lines += [
            f"{one:<{width}} | {other}".rstrip()
            for one, other in zip_longest(*cells, fillvalue="")
        ]
    lines.insert(1, "-" * width + "-+-" + "-" * width)
    return "\n".join(lines) + "\n"


def compared(off: Seen, on: Seen) -> list[str]:
    """Return what is not as it has to be, as sentences."""
    differences = []
    for seen, expected, name in ((off, 500, "off"), (on, 200, "on")):
        if set(seen.statuses) != {expected}:
            differences.append(
                f"with the shim {name} the answers were {seen.statuses},"
                f" not all {expected}."
            )
    if SYMPTOM not in off.error:
        differences.append(
            f"with the shim off the log has {off.error!r}, not {SYMPTOM} ...>."
        )
    if on.error:
        differences.append(f"with the shim on the log has {on.error!r}.")
    if "access_token" not in on.body:
        differences.append(f"with the shim on the answer was {on.body!r}, no token.")
    return differences


if __name__ == "__main__":
    sys.exit(main())

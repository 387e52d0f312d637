"""A program that says, as JSON, what the shim makes of the ididi that it finds.

With the word ``loop`` it imports ididi inside a running event loop.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
from contextvars import Context
from typing import Union

import ididi_scopefix

records: list[logging.LogRecord] = []


class Keep(logging.Handler):
    """Keeps what is logged."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep *record*."""
        records.append(record)


def raises() -> Union[bool, str]:
    """Tell which error a scope call in an empty context raises, if any."""
    import ididi

    try:
        graph = ididi.Graph()
        Context().run(graph.use_scope)
    except LookupError:
        return True
    except Exception as error:
        return type(error).__name__
    return False


def main() -> None:
    """Import ididi, and print what is known of it then."""
    before = ididi_scopefix.status()
    import ididi.graph

    variable = getattr(ididi.graph, "_SCOPE_CONTEXT", None)
    status = ididi_scopefix.status()
    for thread in threading.enumerate():
        if thread.name == "ididi-scopefix":
            thread.join()
    told = {
        "state": status.state,
        "reason": status.reason,
        "version": status.ididi_version,
        "version_before": before.ididi_version,
        "patched": list(status.patched),
        "replaced": type(variable).__module__.startswith("ididi_scopefix"),
        "logged": [(each.levelname, each.getMessage()) for each in records],
        "tracebacks": [each.levelname for each in records if each.exc_info],
        "raises": raises(),
    }
    print(json.dumps(told))


async def in_a_loop() -> None:
    """Do the same where an event loop runs."""
    main()


if __name__ == "__main__":
    logger = logging.getLogger("ididi_scopefix")
    logger.addHandler(Keep())
    logger.setLevel(logging.DEBUG)
    if "loop" in sys.argv:
        asyncio.run(in_a_loop())
    else:
        main()

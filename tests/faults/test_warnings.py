"""The shim brings no warning that plain ididi does not give."""

from __future__ import annotations

import re

import pytest

from tests import children

PROGRAM = """
import asyncio, gc, threading, ididi
from contextvars import Context, copy_context

graph = ididi.Graph()

async def request():
    async with graph.ascope("request"):
        graph.use_scope("request")
    graph.ascope()

def serve():
    with graph.scope("request"):
        graph.use_scope("request")
    graph.scope()

async def main():
    await request()
    await asyncio.gather(request(), request())
    copied = copy_context()
    await asyncio.get_running_loop().run_in_executor(None, copied.run, serve)

context = CONTEXT
context.run(serve)
context.run(asyncio.run, main())
gc.collect()
"""
IN_A_COPY = PROGRAM.replace("CONTEXT", "copy_context()")
IN_AN_EMPTY_ONE = PROGRAM.replace("CONTEXT", "Context()")


def complaints(stderr: str) -> list[str]:
    """Return the lines of *stderr* in any order, without addresses."""
    return sorted(re.sub("0x[0-9a-f]+", "0x", stderr).splitlines())


@pytest.mark.parametrize("options", [["-X", "dev"], ["-W", "error"], ["-W", "always"]])
def test_development_mode_says_no_more_than_for_plain_ididi(
    options: list[str],
) -> None:
    """In all of Python's ways to complain, asyncio's debug mode among them."""
    plain = children.run(
        IN_A_COPY, *options, PYTHONASYNCIODEBUG="1", IDIDI_SCOPEFIX="0"
    )
    for program in (IN_A_COPY, IN_AN_EMPTY_ONE):
        shimmed = children.run(
            # On the line that is empty without it, so that all others stay.
            f"import ididi_scopefix{program}\n"
            "assert ididi_scopefix.status().state == 'active'",
            *options,
            PYTHONASYNCIODEBUG="1",
        )
        assert shimmed.stdout == plain.stdout
        assert complaints(shimmed.stderr) == complaints(plain.stderr)

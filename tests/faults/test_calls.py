"""What a scope call does when the shim fails or is interrupted under it."""

from __future__ import annotations

import asyncio
from contextvars import Context
from pathlib import Path
from typing import Any

import ididi.graph
import pytest
from ididi import Graph

import ididi_scopefix
from tests import programs, shape

pytestmark = pytest.mark.shim

TRACER = """
import asyncio, logging, os, sys
from contextvars import Context
import ididi_scopefix
from ididi import Graph
from ididi_scopefix import _log

class Injected({base}):
    pass

def answers(call, before):
    failed = set()

    def trace(frame, event, _):
        folder, file = os.path.split(frame.f_code.co_filename)
        if os.path.basename(folder) != "ididi_scopefix" or file not in {files}:
            return None
        if event == "line" and (file, frame.f_lineno) not in failed:
            failed.add((file, frame.f_lineno))
            sys.settrace(None)
            raise Injected
        return trace

    while True:
        before()
        sys.settrace(trace)
        try:
            answer = Context().run(call)
        except Injected:
            answer = "injected"
        done = sys.gettrace() is not None
        sys.settrace(None)
        if done:
            break
        yield answer
    assert len(failed) > 20, failed

logging.basicConfig(level=logging.INFO, stream=open(os.devnull, "w"))
graph = Context().run(Graph)
default_scope = Context().run(graph.use_scope)
"""

CALLS = """
def scope():
    with graph.scope("request") as opened:
        return opened.name

async def ascope():
    async with graph.ascope("request") as opened:
        return opened.name

for call in (
    lambda: graph.use_scope() is default_scope and "request",
    scope,
    lambda: asyncio.run(ascope()),
):
    # As if nothing had been said yet.
    print(*answers(call, before=_log._forked))
"""

ACTIVATE = """
def again():
    assert ididi_scopefix.activate().state == "active"
    assert Context().run(graph.use_scope) is default_scope
    ididi_scopefix.deactivate()
    _log._warned.clear()

print(*answers(ididi_scopefix.activate, before=again))
"""

PACKAGE = Path(ididi_scopefix.__file__).parent
# Not __init__, which is passed when ididi is imported.
FILES = tuple(file.name for file in PACKAGE.glob("_[a-z]*.py"))


def answers(
    folder: Path, program: str, base: str, *files: str, mode: str = "verbose"
) -> set[str]:
    """Return how calls end if a line of *files* raises, each line once."""
    tracer = TRACER.format(base=base, files=files)
    return set(programs.run(folder, tracer + program, mode=mode).stdout.split())


def test_a_call_is_answered_whatever_fails_while_it_is_reported(
    tmp_path: Path,
) -> None:
    """To say that a context was seeded is no part of the answer."""
    assert answers(tmp_path, CALLS, "Exception", "_log.py") == {"request"}


def test_an_interrupt_in_a_call_is_not_swallowed(tmp_path: Path) -> None:
    """Wherever it arrives: it ends the program, as it does without us."""
    assert answers(tmp_path, CALLS, "BaseException", *FILES) == {"injected"}


def test_an_interrupt_while_ididi_is_patched_is_not_swallowed(tmp_path: Path) -> None:
    """And the next activation puts all right."""
    found = answers(tmp_path, ACTIVATE, "BaseException", *FILES, mode="unknown")
    assert found == {"injected"}


@shape.methods_only
@pytest.mark.parametrize("name", ["scope", "ascope", "use_scope"])
@pytest.mark.parametrize("where", ["while comparing", "while seeding"])
def test_an_interrupt_in_the_midst_of_a_call_is_not_swallowed(
    name: str, where: str
) -> None:
    """Whatever the shim is doing when it arrives."""
    pending = [KeyboardInterrupt]

    def interrupt(_: object) -> None:
        if pending:
            raise pending.pop()

    class Interrupting:
        name = ""
        _type_registry = property(interrupt)

    interrupting: Any = Interrupting()
    graph: Any = Context().run(Graph)
    if where == "while seeding":
        parent: Any = Graph
        attributes = {"_ididi_scopefix_seed": property(interrupt)}
        graph = Context().run(type("Interrupted", (parent,), attributes))

    async def request() -> None:
        if where == "while comparing":
            ididi.graph._SCOPE_CONTEXT.set(interrupting)
        if name == "use_scope":
            graph.use_scope()
        elif name == "scope":
            with graph.scope():
                pass
        else:
            async with graph.ascope():
                pass

    interrupted = False
    try:
        Context().run(asyncio.run, request())
    except KeyboardInterrupt:
        interrupted = True
    assert interrupted

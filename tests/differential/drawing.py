"""Draws programs: see :mod:`tests.differential.program` for what they mean."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.differential.program import ERRORS, NAMES
from tests.differential.service import TYPES

Statements = st.SearchStrategy[list[tuple[Any, ...]]]

DEPTH = 3
"""How deep blocks are in each other."""

who = st.integers(0, 6)
name = st.integers(0, len(NAMES) - 1)
use_form = st.sampled_from([0, 0, 1, 2, 3])
error = st.integers(0, len(ERRORS) - 1)
kind = st.sampled_from(["empty", "empty", "built", "copied", 0, 1])


def statement(action: str, *operands: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """Draw a statement with these operands."""
    return st.tuples(st.just(action), *operands)


SIMPLE = st.one_of(
    statement("use", who, name, use_form),
    statement("use", who, name, use_form),
    statement("use", who, name, use_form),
    statement("read"),
    statement("seed", who),
    statement("build", st.booleans()),
    statement("drop", who),
    statement("collect"),
    statement("activate"),
    statement("activate"),
    statement("deactivate"),
    statement("merge", who, st.lists(who, max_size=2)),
    statement("raise", error),
    statement("resolve", who, st.integers(0, len(TYPES) - 1)),
    statement("forget"),
)
"""Statements without a block in them."""


def steps(block: Statements) -> st.SearchStrategy[list[Any]]:
    """Draw the steps in which something is driven by hand."""
    words = ("enter", "enter", "exit", "exit", "keep")
    calls = [statement(word) for word in words]
    calls.append(statement("throw", error))
    step = st.one_of(
        *calls,
        statement("do", block),
        statement("in", kind, st.one_of(*calls, statement("do", block))),
    )
    return st.lists(step, min_size=1, max_size=4)


def compound(block: Statements, ablock: Statements) -> list[Any]:
    """Return the statements with a block in them, which is *block* if it can't wait."""
    return [
        statement("with", who, name, st.just(False), block),
        statement("with", who, name, st.just(False), block),
        statement("by_hand", who, name, st.just(False), steps(block)),
        statement("generator", who, name, block, steps(block)),
        statement("decorate", who, name, block),
        statement("try", block, block, st.sampled_from(["go on", "again", "from"])),
        statement("entry", who, st.sampled_from(["plain", "scoped"]), block),
        statement("put", who, block),
        statement("context", kind, block),
        statement("context", kind, block),
        statement("thread", kind, block),
        statement("run", ablock),
        statement("run", ablock),
    ]


def async_compound(block: Statements, ablock: Statements) -> list[Any]:
    """Return the statements that need an event loop, and those that may have one."""
    end = st.sampled_from(["wait", "cancel", "leave"])
    return [
        statement("with", who, name, st.booleans(), ablock),
        statement("with", who, name, st.booleans(), ablock),
        statement("by_hand", who, name, st.booleans(), steps(block)),
        statement("try", ablock, ablock, st.sampled_from(["go on", "again", "from"])),
        statement("entry", who, st.just("async"), ablock),
        statement("put", who, ablock),
        statement("executor", kind, block),
        statement("task", kind, ablock, st.integers(0, 3), end),
        statement("task", kind, ablock, st.integers(0, 3), end),
        statement("sleep"),
    ]


def programs() -> Statements:
    """Draw programs."""
    block = ablock = st.lists(SIMPLE, max_size=3)
    for _ in range(DEPTH):
        inner = st.one_of(compound(block, ablock))
        calls = st.one_of(async_compound(block, ablock))
        block, ablock = (
            st.lists(st.one_of(SIMPLE, SIMPLE, each), max_size=3)
            for each in (inner, calls)
        )
    return st.lists(st.one_of(compound(block, ablock)), min_size=1, max_size=4)

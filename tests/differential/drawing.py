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
kind = st.sampled_from(["empty", "empty", "built", "copied", 0, 1])


def statement(action: str, *operands: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """Draw a statement with these operands."""
    return st.tuples(st.just(action), *operands)


# What is there twice is drawn twice as often.
SIMPLE = st.one_of(
    statement("use", who, name),
    statement("use", who, name),
    statement("use", who, st.just(0)),
    statement("read"),
    statement("seed", who),
    statement("build"),
    statement("drop", who),
    statement("switch", st.sampled_from([True, True, False])),
    statement("merge", who, who),
    statement("raise", st.integers(0, len(ERRORS) - 1)),
    statement("resolve", who, st.integers(0, len(TYPES) - 1)),
)
"""Statements without a block in them."""


def compound(block: Statements, ablock: Statements) -> list[Any]:
    """Return the statements with a block in them, which is *block* if it can't wait."""
    return [
        statement("with", who, name, st.just(False), block),
        statement("with", who, name, st.just(False), block),
        statement("try", block, block),
        statement("entry", who, st.just(False), block),
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
        statement("try", ablock, ablock),
        statement("entry", who, st.just(True), ablock),
        statement("context", kind, block),
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

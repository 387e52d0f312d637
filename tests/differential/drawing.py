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
kind = st.sampled_from(["empty", "built", "copied", 0, 1])


def statement(action: str, *operands: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """Draw a statement with these operands."""
    return st.tuples(st.just(action), *operands)


# What is there twice is drawn twice as often.
SIMPLE = st.one_of(
    statement("use", who, name),
    statement("use", who, st.just(0)),
    statement("seed", who),
    statement("build"),
    statement("drop", who),
    statement("switch", st.sampled_from([True, True, False])),
    statement("merge", who, who),
    statement("raise", st.integers(0, len(ERRORS) - 1)),
    statement("resolve", who, st.integers(0, len(TYPES) - 1)),
)
"""Statements without a block in them."""


def anywhere(block: Statements) -> list[Any]:
    """Return the statements with a block that can't wait."""
    return [
        statement("with", who, name, st.just(False), block),
        statement("with", who, name, st.just(False), block),
        statement("entry", who, st.just(False), block),
        statement("context", kind, block),
        statement("context", kind, block),
        statement("thread", kind, block),
    ]


def in_event_loop(block: Statements) -> list[Any]:
    """Return the statements that can wait, as *block* can."""
    return [
        statement("with", who, name, st.booleans(), block),
        statement("with", who, name, st.booleans(), block),
        statement("entry", who, st.just(True), block),
        statement("task", kind, block, st.integers(0, 3), st.booleans()),
        statement("task", kind, block, st.integers(0, 3), st.booleans()),
        statement("sleep"),
    ]


def programs() -> Statements:
    """Draw programs."""
    block = waiting = st.lists(SIMPLE, max_size=3)
    for _ in range(DEPTH):
        both = anywhere(block)
        inner = st.one_of(*both, statement("run", waiting), statement("run", waiting))
        calls = st.one_of(*both, *in_event_loop(waiting))
        block, waiting = (
            st.lists(st.one_of(SIMPLE, SIMPLE, each), max_size=3)
            for each in (inner, calls)
        )
    return st.lists(inner, min_size=1, max_size=4)

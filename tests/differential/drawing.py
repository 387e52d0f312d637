"""Draws programs: see :mod:`tests.differential.program` for what they mean."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.differential.program import ERRORS, EXAMINATIONS, NAMES
from tests.differential.service import TYPES

Statements = st.SearchStrategy[list[tuple[Any, ...]]]

DEPTH = 3
"""How deep blocks are in each other."""

who = st.integers(0, 6)
name = st.integers(0, len(NAMES) - 1)
# Most calls are right ones.
form = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7])
use_form = st.sampled_from([0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8])
error = st.integers(0, len(ERRORS) - 1)
some_error = st.none() | error
kind = st.sampled_from(["fresh", "fresh", "copied", 0, 1])
leave = st.sampled_from(["with", "close", "later", "suppress"])
then = st.sampled_from(["nothing", "nothing", "again", "new", "from", "alone"])


def statement(action: str, *operands: Any) -> st.SearchStrategy[tuple[Any, ...]]:
    """Draw a statement with these operands."""
    return st.tuples(st.just(action), *operands)


def simple(build: bool) -> list[Any]:
    """Return the statements without a block in them."""
    statements = [
        statement("use", who, name, use_form),
        statement("use", who, name, use_form),
        statement("raise", error, some_error),
        statement("raise_again"),
        statement("resolve", who, st.integers(0, len(TYPES) - 1)),
        statement("register", who, st.integers(0, 2)),
        statement("remove", who),
        statement("call_back", who, some_error),
        statement("hold", who, st.booleans()),
        statement("leave", who),
        statement("merge", who, st.lists(who, max_size=2)),
        statement("forget"),
        statement("collect"),
        statement(
            "examine",
            who,
            st.sampled_from(["scope", "ascope", "use_scope", "__init__"]),
            st.integers(0, len(EXAMINATIONS) - 1),
        ),
    ]
    if build:
        statements.append(statement("build"))
    return statements


def steps(
    block: Statements, *others: Any, advance: bool = True
) -> st.SearchStrategy[list[Any]]:
    """Draw the steps in which something is driven by hand."""
    words = ("next", "send") if advance else ()
    driven = [statement(word) for word in (*words, "close", "keep")]
    step = st.one_of(
        *driven, *others, statement("throw", error), statement("do", block)
    )
    return st.lists(step, min_size=1, max_size=4)


def compound(block: Statements, ablock: Statements, meddle: bool) -> list[Any]:
    """Return the statements with a block in them."""
    scopes = st.lists(st.tuples(who, name), min_size=1, max_size=3)
    hands = [
        statement(word)
        for word in (
            *("enter", "enter", "exit", "exit", "again", "call"),
            *("attributes", "document"),
        )
    ]
    hands += [statement("exit after", error), statement("exit oddly", error)]
    hands.append(statement("in", kind, st.one_of(*hands)))
    by_hand = steps(block, *hands, advance=meddle)
    statements = [
        statement("with", who, name, form, block),
        statement("with", who, name, form, block),
        statement("decorate", who, name, st.integers(1, 2), block),
        statement("stack", scopes, leave, block),
        statement("generator", who, name, block, steps(block)),
        statement("by_hand", who, name, form, by_hand),
        statement("by_hand", who, name, form, by_hand),
        statement("try", block, block, block, then),
        statement("entry", who, st.sampled_from(["plain", "scoped"]), block),
        statement("context", kind, block),
        statement("thread", kind, block),
        statement("pool", kind, block),
        statement("run", ablock),
    ]
    if meddle:
        statements.append(statement("put", who, block))
    return statements


def async_compound(block: Statements, ablock: Statements, meddle: bool) -> list[Any]:
    """Return the statements of coroutines."""
    scopes = st.lists(st.tuples(who, name), min_size=1, max_size=3)
    hands = [
        statement(word)
        for word in ("enter", "enter", "exit", "exit", "again", "forget", "step")
    ]
    hands += [statement("exit after", error), statement("exit oddly", error)]
    few = st.integers(0, 3)
    end = st.sampled_from(["wait", "cancel", "leave"])
    return [
        statement("with", who, name, form, ablock),
        statement("async_with", who, name, form, ablock),
        statement("async_with", who, name, form, ablock),
        statement("async_decorate", who, name, st.integers(1, 2), ablock),
        statement("async_stack", scopes, leave, ablock),
        statement("async_generator", who, name, ablock, steps(ablock)),
        statement(
            "async_by_hand", who, name, form, steps(ablock, *hands, advance=meddle)
        ),
        statement("decorate", who, name, st.just(1), block),
        statement("generator", who, name, block, steps(block)),
        statement(
            "by_hand", who, name, form, st.lists(st.one_of(hands[:4]), max_size=3)
        ),
        statement("try", ablock, ablock, ablock, then),
        statement("async_entry", who, st.sampled_from(["plain", "scoped"]), ablock),
        statement("executor", kind, block),
        statement("task", kind, ablock, few, end),
        statement("task", kind, ablock, few, end),
        statement("gather", st.lists(ablock, max_size=3)),
        statement("sleep", st.integers(1, 2)),
    ]


def programs(*, build: bool, meddle: bool) -> Statements:
    """Draw programs.

    Args:
        build: whether they build more graphs.
        meddle: whether they put scopes into the variable by hand, and make steps
            with the generators inside of contextlib's context managers.
    """
    leaves = st.one_of(*simple(build))
    block = ablock = st.lists(leaves, max_size=3)
    for _ in range(DEPTH):
        inner = compound(block, ablock, meddle)
        calls = async_compound(block, ablock, meddle)
        block, ablock = (
            st.lists(st.one_of(leaves, leaves, st.one_of(inner)), max_size=3),
            st.lists(st.one_of(leaves, leaves, st.one_of(calls)), max_size=3),
        )
    return st.lists(st.one_of(compound(block, ablock, meddle)), min_size=1, max_size=4)

"""What programs see with the shim, and by its rule without it: the same."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.differential.child import Child, Order
from tests.differential.drawing import programs
from tests.differential.rule import IS_COMPILED
from tests.pythons import reads_annotations

programs_run = 0
lines_compared = 0

PROGRAMS = {"short": 300, "long": 10_000}
"""How many programs each profile draws."""

WHEN = ["early", "early", "late", "elsewhere"]


@pytest.fixture
def children(request: pytest.FixtureRequest) -> Iterator[tuple[Child, Child]]:
    """A child interpreter with the shim, and one without it."""
    pair = Child(by_rule=False), Child(by_rule=True, IDIDI_SCOPEFIX="0")
    states = ["active", "disabled"]
    if request.config.getoption("--control"):
        states[0] = "disabled"
    assert [child.answer() for child in pair] == states
    yield pair
    for child in pair:
        child.close()


@reads_annotations  # what the programs resolve has some
def test_programs_see_the_same_by_the_rule_without_the_shim(
    children: tuple[Child, Child], profile: settings, request: pytest.FixtureRequest
) -> None:
    """The same scopes, results, exceptions and warnings, to the letter."""
    name = request.config.getoption("--hypothesis-profile") or "short"

    @settings(profile, max_examples=PROGRAMS[name])
    @given(programs(), st.integers(1, 3), st.sampled_from(WHEN), st.booleans())
    def agree(block: Any, graphs: int, when: str, is_empty: bool) -> None:
        global programs_run, lines_compared
        # Of graphs built before, only the collector knows which is the newest.
        number = 1 if when != "early" and IS_COMPILED else graphs
        for child in children:
            child.order(Order(block, number, when, is_empty))
        seen, expected = (child.answer() for child in children)
        assert seen == expected
        programs_run += 1
        lines_compared += len(seen)

    agree()

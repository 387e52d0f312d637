"""What programs see with the shim, and by its rule without it: the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.differential.drawing import programs
from tests.differential.program import Program
from tests.differential.rule import Rule, Shim
from tests.garbage import collect_and_freeze
from tests.pythons import reads_annotations
from tests.shape import is_compiled

programs_run = 0
lines_compared = 0

PROGRAMS = {"short": 600, "long": 10_000}
"""How many programs each profile draws."""


@reads_annotations  # what the programs resolve has some
@pytest.mark.usefixtures("collected_by_hand")
def test_programs_see_the_same_by_the_rule_without_the_shim(
    profile: settings, request: pytest.FixtureRequest
) -> None:
    """The same scopes, results and exceptions, to the letter."""
    name = request.config.getoption("--hypothesis-profile") or "short"

    @settings(profile, max_examples=PROGRAMS[name])
    @given(programs(), st.booleans(), st.integers(1, 3), st.booleans())
    def agree(block: Any, is_empty: bool, graphs: int, is_late: bool) -> None:
        global programs_run, lines_compared
        # Of graphs built before, only the collector knows which is the newest.
        number = 1 if is_late and is_compiled() else graphs
        traces = []
        for shim in (Rule, Shim):
            collect_and_freeze()
            traces.append(Program(shim(), number, is_late).run(block, is_empty))
        expected, seen = traces
        assert seen == expected
        programs_run += 1
        lines_compared += len(seen)

    agree()

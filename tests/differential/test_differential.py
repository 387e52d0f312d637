"""What programs see with the shim, and without it: the same, to the letter."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.differential.child import Child, Order
from tests.differential.drawing import programs
from tests.differential.program import EXAMINATIONS
from tests.pythons import reads_annotations
from tests.shape import has_mutable_classes

programs_run = 0
lines_compared = 0

EXAMPLES = {"quick": 60, "short": 300, "long": 10_000}
"""How many programs of each kind each profile draws."""

# The compiled classes of 1.5.x don't say which graph is asked: a context without
# a scope gets the default scope of the graph that was built last.
SEVERAL = has_mutable_classes()

pytestmark = reads_annotations  # their services have some


@pytest.fixture(scope="module")
def children(request: pytest.FixtureRequest) -> Iterator[tuple[Child, Child]]:
    """A child interpreter with the shim, and one without it."""
    pair = Child(), Child(IDIDI_SCOPEFIX="0")
    states = ["active", "disabled"]
    if request.config.getoption("--control"):
        states[0] = "disabled"
    assert [child.state() for child in pair] == states
    yield pair
    for child in pair:
        child.close()


def compare(children: tuple[Child, Child], shimmed: Order, plain: Order) -> None:
    """Run a program with the shim and one without it, and compare what they see."""
    global programs_run, lines_compared
    for child, order in zip(children, (shimmed, plain)):
        child.order(order)
    seen, expected = (child.answer() for child in children)
    assert seen == expected
    programs_run += 1
    lines_compared += len(seen)


def profile(request: pytest.FixtureRequest) -> settings:
    """Return the settings that this run asks for."""
    name = request.config.getoption("--hypothesis-profile") or "short"
    run = settings(settings.get_profile(name), max_examples=EXAMPLES[name])
    if request.config.getoption("--control"):
        # The first difference will do, as it was found.
        run = settings(run, phases=[Phase.generate], report_multiple_bugs=False)
    return run


@pytest.mark.unchanged
def test_methods_look_as_they_do_without_the_shim(
    children: tuple[Child, Child],
) -> None:
    """By whichever way somebody looks at them."""
    ways = range(len(EXAMINATIONS))
    block = [
        ("examine", 0, method, way)
        for method in ("__init__", "scope", "ascope", "use_scope", "entry", "merge")
        for way in ways
    ]
    options = {"empty": False, "adopt": False, "anonymous": False}
    order = Order(block, 1, options)
    compare(children, order, order)


@pytest.mark.unchanged
def test_programs_see_in_contexts_with_a_scope_what_they_see_without_the_shim(
    children: tuple[Child, Child], request: pytest.FixtureRequest
) -> None:
    """Nothing tells that it is there."""
    options = {"empty": False, "adopt": False, "anonymous": False}

    @profile(request)
    @given(programs(build=True, meddle=True), st.integers(1, 3))
    def agree(block: Any, graphs: int) -> None:
        order = Order(block, graphs, options)
        compare(children, order, order)

    agree()


def test_programs_see_in_empty_contexts_what_they_see_where_the_graph_was_built(
    children: tuple[Child, Child], request: pytest.FixtureRequest
) -> None:
    """The same scopes, answers and errors, from a graph of whichever age."""
    shimmed = {"empty": True, "adopt": False, "anonymous": True}
    plain = {"empty": False, "adopt": True, "anonymous": True}

    @profile(request)
    @given(
        programs(build=SEVERAL, meddle=False),
        st.integers(1, 3 if SEVERAL else 1),
        st.booleans(),
    )
    def agree(block: Any, graphs: int, late: bool) -> None:
        compare(
            children,
            Order(block, graphs, shimmed, late=late),
            Order(block, graphs, plain),
        )

    agree()

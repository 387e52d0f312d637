"""The names that a program may use."""

from __future__ import annotations

import doctest
import importlib.metadata
from typing import get_args

import pytest

import ididi_scopefix

FUNCTIONS = ("activate", "deactivate", "seed", "status")
NAMES = {*FUNCTIONS, "State", "Status", "__version__"}


@pytest.mark.unchanged
def test_the_public_names_are_there() -> None:
    """And only they are offered."""
    assert set(ididi_scopefix.__all__) >= NAMES
    for name in ididi_scopefix.__all__:
        assert getattr(ididi_scopefix, name)
    offered = {name for name in dir(ididi_scopefix) if not name.startswith("__")}
    assert offered == {*ididi_scopefix.__all__} - {"__version__"}
    assert "__version__" in dir(ididi_scopefix)
    installed = importlib.metadata.version("ididi-scopefix")
    assert ididi_scopefix.__version__ == installed
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ididi_scopefix.nothing  # type: ignore[attr-defined]


@pytest.mark.unchanged
def test_they_say_that_they_are_the_package_s() -> None:
    """Wherever they are defined, and the states are all there are."""
    for name in (*FUNCTIONS, "Status"):
        assert getattr(ididi_scopefix, name).__module__ == "ididi_scopefix"
        assert getattr(ididi_scopefix, name).__qualname__ == name
    assert ididi_scopefix.status().state in get_args(ididi_scopefix.State)
    assert repr(ididi_scopefix.Status).endswith("'ididi_scopefix.Status'>")


@pytest.mark.parametrize(
    "name",
    [
        name if name == "seed" else pytest.param(name, marks=pytest.mark.shim)
        for name in FUNCTIONS
    ],
)
def test_the_example_of_each_function_is_true(name: str) -> None:
    """And its docstring says what it returns and what it raises."""
    function = getattr(ididi_scopefix, name)
    for section in ("Returns:", "Raises:", "Example:"):
        assert section in function.__doc__
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(function, name, module=False, globs={})
    assert example.examples
    runner = doctest.DocTestRunner()
    assert runner.run(example).failed == 0

"""What the shim says about itself, and the names that a program may use."""

from __future__ import annotations

import doctest
import importlib.metadata
import pkgutil
from contextvars import Context
from typing import TYPE_CHECKING, get_args

import ididi.graph
import pytest

import ididi_scopefix
from ididi_scopefix import Status

if TYPE_CHECKING:
    from ididi import Graph

FUNCTIONS = ("activate", "deactivate", "seed", "status")


@pytest.mark.shim
def test_the_status_says_what_is_patched() -> None:
    """Its name leads to what was replaced."""
    status = ididi_scopefix.status()
    assert status.state == "active"
    assert status.ididi_version == importlib.metadata.version("ididi")
    assert status.reason.endswith(".")
    assert status.patched == ("ididi.graph._SCOPE_CONTEXT",)
    replacement = pkgutil.resolve_name(status.patched[0])
    assert replacement is ididi.graph._SCOPE_CONTEXT
    assert ididi_scopefix.deactivate().patched == ()
    assert pkgutil.resolve_name(status.patched[0]) is not replacement


@pytest.mark.unchanged
@pytest.mark.parametrize(
    ("status", "text"),
    [
        (
            Status("active", "2", "good.", ("a.b", "c"), 7),
            "ididi-scopefix active (ididi 2): good. Patched: a.b, c. Calls answered: 7.",
        ),
        (
            Status("waiting", None, "no ididi."),
            "ididi-scopefix waiting (ididi none): no ididi.",
        ),
    ],
)
def test_a_status_is_one_line_in_a_log(status: Status, text: str) -> None:
    """It leaves out what is empty."""
    assert str(status) == text


@pytest.mark.shim
def test_calls_that_are_answered_are_counted(graph: Graph) -> None:
    """Those in a context that has a scope are not, nor is anything but a call."""
    before = ididi_scopefix.status().fallbacks

    def request() -> None:
        graph.use_scope()
        with graph.scope(), graph.scope():
            graph.use_scope()

    Context().run(request)
    assert ididi_scopefix.status().fallbacks == before + 2
    request()  # where the graph was built
    ididi_scopefix.deactivate()
    ididi_scopefix.activate()
    assert ididi_scopefix.status().fallbacks == before + 2


@pytest.mark.shim
@pytest.mark.child(env={"IDIDI_SCOPEFIX": None})
def test_before_the_import_of_ididi_nothing_is_imported() -> None:
    """The status says that ididi is waited for, and its version, and what happens."""
    import importlib.metadata
    import sys

    import ididi_scopefix

    ididi_scopefix.activate()
    status = ididi_scopefix.status()
    assert status.state == "waiting", status
    assert status.ididi_version == importlib.metadata.version("ididi")
    expected = "ididi has not been imported yet; if affected, it is patched then."
    assert status.reason == expected
    assert status.patched == ()
    assert status.fallbacks == 0
    for name in ("wrapt", "packaging", "ididi", "asyncio"):
        assert name not in sys.modules, name


@pytest.mark.unchanged
@pytest.mark.shim
@pytest.mark.parametrize("value", ["0", "false", "OFF", " no "])
@pytest.mark.child(env={"IDIDI_SCOPEFIX": "{value}"})
def test_the_switch_disables_everything(value: str) -> None:
    """ididi is plain ididi, which ``activate()`` does not change."""
    import os
    import sys
    from contextvars import Context

    os.environ["IDIDI_SCOPEFIX"] = value  # as here with the whole run switched off
    import ididi_scopefix

    assert ididi_scopefix.activate().state == "disabled"
    reason = f"IDIDI_SCOPEFIX={value} switches it off: unset it and restart."
    assert ididi_scopefix.status().reason == reason
    import ididi

    assert "wrapt" not in sys.modules
    graph = ididi.Graph()
    failed = False
    try:
        Context().run(graph.use_scope)
    except LookupError:
        failed = True
    assert failed
    assert ididi_scopefix.status().state == "disabled"


@pytest.mark.shim
@pytest.mark.child(
    env={"IDIDI_SCOPEFIX": "nope"},
    err=lambda text: text.count("so the shim is on; 0 switches it off.\n") == 1,
)
def test_an_unknown_value_of_the_switch_is_one_warning() -> None:
    """Nobody switches the shim off by chance, or leaves it on without knowing."""
    import ididi  # noqa: F401

    import ididi_scopefix

    ididi_scopefix.activate()
    status = ididi_scopefix.status()
    assert status.state == "active", status
    assert "IDIDI_SCOPEFIX='nope' is unknown" in status.reason


@pytest.mark.unchanged
def test_the_public_names_are_there() -> None:
    """No others are offered, and they say that they are the package's."""
    expected = {*FUNCTIONS, "Caller", "State", "Status", "__version__"}
    assert set(ididi_scopefix.__all__) == set(dir(ididi_scopefix)) == expected
    for name in (*FUNCTIONS, "Caller", "Status"):
        assert getattr(ididi_scopefix, name).__module__ == "ididi_scopefix"
    installed = importlib.metadata.version("ididi-scopefix")
    assert ididi_scopefix.__version__ == installed
    assert ididi_scopefix.status().state in get_args(ididi_scopefix.State)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ididi_scopefix.nothing  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "name",
    [
        name if name == "seed" else pytest.param(name, marks=pytest.mark.shim)
        for name in FUNCTIONS
    ],
)
def test_the_example_of_each_function_is_true(name: str) -> None:
    """Its docstring says what it returns and what it raises as well."""
    function = getattr(ididi_scopefix, name)
    for section in ("Returns:", "Raises:", "Example:"):
        assert section in function.__doc__
    finder = doctest.DocTestFinder(recurse=False)
    (example,) = finder.find(function, name, module=False, globs={})
    assert example.examples
    assert doctest.DocTestRunner().run(example).failed == 0

"""The shim is active in interpreters inside the interpreter, and in lazy ones."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.environments import IN_AN_EMPTY_CONTEXT, START_UP_FILE

if TYPE_CHECKING:
    from tests.environments import Environment

has_subinterpreters = pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="PyPy has no subinterpreters"
)
has_lazy_imports = pytest.mark.skipif(
    sys.version_info < (3, 15), reason="imports are never lazy before Python 3.15"
)
may_be_isolated = pytest.mark.skipif(
    sys.version_info[:2] == (3, 12),
    reason="Python 3.12 crashes if an isolated one has imported asyncio",
)


@has_subinterpreters
@pytest.mark.parametrize(
    "kind", ["legacy", pytest.param("isolated", marks=may_be_isolated)]
)
@pytest.mark.child(out="__ididi_default_scope__\n")
def test_a_subinterpreter_is_an_interpreter(kind: str) -> None:
    """It reads the start-up file when it starts, as the main one does."""
    import sys

    # It takes no function of another interpreter before Python 3.13.
    call = (
        "from contextvars import Context; from ididi import Graph;"
        " print(Context().run(Graph().use_scope).name)"
    )
    if sys.version_info >= (3, 13):
        import _interpreters

        interpreter = _interpreters.create(kind)
        failure = _interpreters.exec(interpreter, call)
        assert failure is None, failure.formatted
        _interpreters.destroy(interpreter)
    else:
        import _xxsubinterpreters

        interpreter = _xxsubinterpreters.create(isolated=kind == "isolated")
        _xxsubinterpreters.run_string(interpreter, call)
        _xxsubinterpreters.destroy(interpreter)


@has_lazy_imports
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # Python reads start-up files before it makes the imports of a program lazy.
        ("", "request\n"),
        # Python runs the import when the name is used, and nobody uses it.
        ("import ididi_scopefix", "LookupError\n"),
        ("import ididi_scopefix; ididi_scopefix.activate()", "request\n"),
    ],
)
def test_a_lazy_import_of_the_shim_needs_a_call(
    copy: Environment, line: str, expected: str
) -> None:
    """Where start-up files are not read, the program has to use the name."""
    if line:
        (copy.packages / START_UP_FILE).unlink()
    program = f"{line}\n{IN_AN_EMPTY_CONTEXT}"

    assert copy.run(program, "-X", "lazy_imports=all").stdout == expected
    assert copy.run(program).stdout == "request\n"

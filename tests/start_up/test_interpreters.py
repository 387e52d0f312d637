"""The shim is active in interpreters inside the interpreter, and in lazy ones."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.environments import IN_AN_EMPTY_CONTEXT, run

if TYPE_CHECKING:
    from pathlib import Path

    from tests.environments import Environment

has_lazy_imports = pytest.mark.skipif(
    sys.version_info < (3, 15), reason="imports are never lazy before Python 3.15"
)

INTERPRETERS = """
import sys
if sys.version_info >= (3, 13):
    import _interpreters
    interpreter = _interpreters.create(kind)
    failure = _interpreters.exec(interpreter, code)
    assert failure is None, failure.formatted
    _interpreters.destroy(interpreter)
else:
    import _xxsubinterpreters
    interpreter = _xxsubinterpreters.create(isolated=kind == "isolated")
    _xxsubinterpreters.run_string(interpreter, code)
    _xxsubinterpreters.destroy(interpreter)
"""

IN_A_POOL = """
from concurrent.futures import InterpreterPoolExecutor

def work(number):
    from contextvars import Context
    from ididi import Graph
    graph = Graph()
    def main():
        with graph.scope("request") as scope:
            return scope.name
    return Context().run(main)

if __name__ == "__main__":
    with InterpreterPoolExecutor(2) as pool:
        print(*pool.map(work, range(4)))
"""


@pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="PyPy has no subinterpreters"
)
@pytest.mark.parametrize(
    "kind",
    [
        "legacy",
        pytest.param(
            "isolated",
            marks=pytest.mark.skipif(
                sys.version_info[:2] == (3, 12),
                reason="Python 3.12 crashes if an isolated one has imported asyncio",
            ),
        ),
    ],
)
def test_a_subinterpreter_is_an_interpreter(installed: Environment, kind: str) -> None:
    """It reads the start-up file when it starts, as the main one does."""
    program = f"kind, code = {kind!r}, {IN_AN_EMPTY_CONTEXT!r}\n{INTERPRETERS}"

    assert installed.run(program).stdout == "request\n"
    assert installed.run(program, IDIDI_SCOPEFIX="0").stdout == "LookupError\n"


@pytest.mark.skipif(
    sys.version_info < (3, 14), reason="there are no such pools before Python 3.14"
)
@pytest.mark.skipif(
    sys.implementation.name != "cpython", reason="PyPy has no subinterpreters"
)
def test_a_pool_of_interpreters_is_patched(
    installed: Environment, tmp_path: Path
) -> None:
    """Each of the interpreters imports ididi for itself."""
    # Functions reach the interpreters by the name of their file.
    file = tmp_path / "program.py"
    file.write_text(IN_A_POOL, encoding="utf-8")

    assert run(installed.python, str(file)).stdout == "request " * 3 + "request\n"


@has_lazy_imports
def test_the_start_up_line_works_where_imports_are_lazy(
    installed: Environment,
) -> None:
    """Python reads start-up files before it makes the imports of a program lazy."""
    options = ("-X", "lazy_imports=all")

    assert installed.run(IN_AN_EMPTY_CONTEXT, *options).stdout == "request\n"


@has_lazy_imports
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        # Python runs it when the name is used, and nobody uses it.
        ("import ididi_scopefix", "LookupError\n"),
        ("import ididi_scopefix; ididi_scopefix.activate()", "request\n"),
    ],
)
def test_a_lazy_import_in_the_program_needs_a_call(
    copy: Environment, line: str, expected: str
) -> None:
    """Where start-up files are not read, the program has to use the name."""
    (copy.packages / "ididi-scopefix.pth").unlink()
    program = f"{line}\n{IN_AN_EMPTY_CONTEXT}"

    assert copy.run(program, "-X", "lazy_imports=all").stdout == expected
    assert copy.run(program).stdout == "request\n"

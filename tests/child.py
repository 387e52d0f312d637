"""The marker ``child``: the body of a test runs in a new interpreter.

.. code-block:: python

    @pytest.mark.child(env={"IDIDI_SCOPEFIX": "off"}, options=["-X", "dev"])
    def test_the_switch_turns_the_shim_off() -> None:
        import ididi_scopefix

        assert ididi_scopefix.status().state == "disabled"

The body is the whole program: its statements are those of the child's
``__main__``, with this file's name and lines in every traceback. Nothing else of
the file is there, so the body imports what it uses; what ``tests`` has for
helpers can be imported, too. No ``from __future__ import`` holds in it.

The test passes if the child ends with the expected status, and has written what
is expected of it. These arguments of the marker say otherwise:

- ``env``: variables of the environment on top of this process's; ``None``
  removes one. The switch stays off where the whole run has the shim off.
- ``options``: options of the interpreter. ``-O`` keeps the assertions.
- ``python``: another interpreter of the same Python, which can't import ``tests``.
- ``status``: with what the child has to end, 0 unless given.
- ``out``, ``err``: what it has to write, as the text itself or as a function that
  is true of the text, such as ``re.compile("...").fullmatch``. Standard error has
  to be empty unless ``err`` is given, and may be anything if it is ``None``.

The test's arguments, parameters and fixtures alike, are variables of the program
if they are paths or if a literal can say what they are; others are not there. In
``env``, ``options`` and ``python``, ``{name}`` stands for the argument of that
name: with ``tmp_path``, ``env={"PYTHONPATH": "{tmp_path}"}`` is a folder for
modules of the test's own.

The child runs in an empty folder of its own, and for a minute at most.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import marshal
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from types import CodeType

Expected = Optional[Union[str, Callable[[str], object]]]

ROOT = Path(__file__).parents[1]
SWITCH = "IDIDI_SCOPEFIX"
TIMEOUT = 60


class ChildError(AssertionError):
    """The child has not done what its test expects."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "child(env, options, python, status, out, err): run the body of the test in"
        " a new interpreter; see tests/child.py",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    marker = pyfuncitem.get_closest_marker("child")
    if marker is None:
        return None
    run_in_child(pyfuncitem, *marker.args, **marker.kwargs)
    return True


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if call.excinfo is not None and call.excinfo.errisinstance(ChildError):
        # The child's traceback is the one to read, and not that of this file.
        report.longrepr = str(call.excinfo.value)
    return report


def run_in_child(
    item: pytest.Function,
    *,
    env: Mapping[str, str | None] | None = None,
    options: Sequence[str] = (),
    python: str | None = None,
    status: int = 0,
    out: Expected = None,
    err: Expected = "",
) -> None:
    """Run the body of a test as a program, and compare what comes of it."""
    parameters = inspect.signature(item.function).parameters
    arguments = {name: item.funcargs[name] for name in parameters}
    environment: dict[str, str] = dict(os.environ)
    for name, value in (env or {}).items():
        if name == SWITCH and SWITCH in os.environ:
            continue
        environment.pop(name, None)
        if value is not None:
            environment[name] = value.format(**arguments)
    code = compile_body(item.path, item.originalname, arguments, python is None)
    command = [
        part.format(**arguments) for part in (python or sys.executable, *options)
    ]
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, f"{item.originalname}.pyc")
        # A file of bytecode can be run like any program, and keeps the name of
        # another file. Three numbers of a header say of which version that was.
        header = importlib.util.MAGIC_NUMBER + bytes(12)
        program.write_bytes(header + marshal.dumps(code))
        try:
            child = subprocess.run(
                [*command, str(program)],
                env=environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="backslashreplace",
                timeout=TIMEOUT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            message = f"The child did not end within {TIMEOUT} seconds."
            raise ChildError(message) from None
    results: dict[str, tuple[Any, Any]] = {
        "status": (child.returncode, status),
        "standard output": (child.stdout, out),
        "standard error": (child.stderr, err),
    }
    written = "\n".join(f"{name}: {result}" for name, (result, _) in results.items())
    for name, (result, expected) in results.items():
        is_met = expected(result) if callable(expected) else result == expected
        if not (is_met or expected is None):
            message = f"The child's {name} is not as expected: {expected!r}."
            raise ChildError(f"{message}\n{written}")


def compile_body(
    file: Path, name: str, arguments: Mapping[str, Any], tests: bool
) -> CodeType:
    """Return the program that the function *name* in *file* is the text of."""
    tree = ast.parse(file.read_bytes())
    (function,) = (
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name == name
    )
    sources = {name: as_source(value) for name, value in arguments.items()}
    lines = [f"{name} = {source}" for name, source in sources.items() if source]
    if tests:
        # The package tests is this one, whatever is installed under that name, as by
        # ididi 1.5.x. All else that is installed goes before the checkout.
        lines += [
            "import sys",
            f"sys.path.insert(0, {str(ROOT)!r})",
            "import tests",
            "sys.path.append(sys.path.pop(0))",
            "del sys, tests",
        ]
    preparations = ast.parse("\n".join(lines)).body
    for statement in preparations:
        for node in ast.walk(statement):
            ast.copy_location(node, function)
    program = ast.Module(body=[*preparations, *function.body], type_ignores=[])
    return compile(program, str(file), "exec", dont_inherit=True, optimize=0)


def as_source(value: Any) -> str | None:
    """Return the expression that makes *value* in a program, if there is one."""
    if isinstance(value, Path):
        return f"__import__('pathlib').Path({str(value)!r})"
    try:
        ast.literal_eval(repr(value))
    except (SyntaxError, ValueError):
        return None
    return repr(value)

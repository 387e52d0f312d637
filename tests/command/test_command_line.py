"""What can be typed: an answer to everything, and never a traceback."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

import ididi_scopefix
from tests.environments import attempt, clean, run

if TYPE_CHECKING:
    from tests.environments import Environment


def test_the_command_and_the_module_are_one(installed: Environment) -> None:
    """The module is for the interpreter of one's choice."""
    expected = f"ididi-scopefix {ididi_scopefix.__version__}\n"

    assert run(installed.command, "--version").stdout == expected
    module = (installed.python, "-m", "ididi_scopefix")
    assert run(*module, "--version").stdout == expected


@pytest.mark.parametrize("command", [(), ("status",), ("doctor",), ("run",)])
def test_help_explains_the_command(
    installed: Environment, command: tuple[str, ...]
) -> None:
    """Each part of it has a page, in plain ASCII and 80 columns."""
    text = run(installed.command, *command, "--help").stdout

    assert text.startswith(f"usage: {' '.join(('ididi-scopefix', *command))}")
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    "line", ["", "nonsense", "status --js", "run", "run --", "run --nonsense true"]
)
def test_a_wrong_command_line_is_answered_with_usage(
    installed: Environment, line: str
) -> None:
    """It is on standard error, and the exit code is 2."""
    finished = attempt(installed.command, *line.split())

    assert (finished.returncode, finished.stdout) == (2, "")
    assert finished.stderr.startswith("usage: ididi-scopefix")


@pytest.mark.parametrize("line", ["status", "--help", "doctor --json"])
def test_a_reader_that_goes_away_is_no_error(installed: Environment, line: str) -> None:
    """The exit code is what the shell gives for a program before ``head``."""
    reading, writing = os.pipe()
    os.close(reading)
    command = (installed.command, *line.split())

    with os.fdopen(writing, "w") as output:
        finished = subprocess.run(
            command, env=clean(), stdout=output, stderr=subprocess.PIPE, check=False
        )
    assert (finished.returncode, finished.stderr) == (141, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a full device")
@pytest.mark.parametrize(
    ("output", "code", "lines"),
    [("/dev/full", 1, 1), ("&-", 0, 0)],
    ids=["on a full disk", "closed, as a daemon's"],
)
def test_what_can_not_be_written_is_one_line_at_most(
    installed: Environment, output: str, code: int, lines: int
) -> None:
    """Standard output may be a file on a full disk, or not be there at all."""
    command = f"exec {shlex.quote(installed.command)} status >{output}"

    finished = attempt("sh", "-c", command)
    assert (finished.returncode, len(finished.stderr.splitlines())) == (code, lines)

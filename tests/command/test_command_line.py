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


def _written_to(descriptor: int, *command: str) -> tuple[int, bytes]:
    """Return the exit code, and what is said if standard output is *descriptor*."""
    with os.fdopen(descriptor, "w") as output:
        finished = subprocess.run(
            command, env=clean(), stdout=output, stderr=subprocess.PIPE, check=False
        )
    return finished.returncode, finished.stderr


@pytest.mark.parametrize("line", ["status", "--help", "doctor --json"])
def test_a_reader_that_goes_away_is_no_error(installed: Environment, line: str) -> None:
    """The exit code is what the shell gives for a program before ``head``."""
    reading, writing = os.pipe()
    os.close(reading)

    assert _written_to(writing, installed.command, *line.split()) == (141, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a full device")
def test_a_full_disk_is_one_line(installed: Environment) -> None:
    """What is to be redirected into a file may not fit."""
    full = os.open("/dev/full", os.O_WRONLY)

    code, said = _written_to(full, installed.command, "status")
    assert (code, len(said.splitlines())) == (1, 1)


def test_standard_output_may_be_closed(installed: Environment) -> None:
    """A daemon has none."""
    command = f"exec {shlex.quote(installed.command)} status >&-"

    finished = attempt("sh", "-c", command)
    assert (finished.returncode, finished.stderr) == (0, "")

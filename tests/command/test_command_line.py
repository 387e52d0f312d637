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
    "words",
    [
        (),
        ("nonsense",),
        ("--nonsense",),
        ("status", "nonsense"),
        ("status", "--js"),
        ("doctor", "--nonsense"),
        ("run",),
        ("run", "--"),
        ("run", "--nonsense", "true"),
    ],
)
def test_a_wrong_command_line_is_answered_with_usage(
    installed: Environment, words: tuple[str, ...]
) -> None:
    """On standard error, with exit code 2."""
    finished = attempt(installed.command, *words)

    assert finished.returncode == 2
    assert finished.stdout == ""
    assert finished.stderr.startswith("usage: ididi-scopefix")


@pytest.mark.parametrize("words", [("status",), ("--help",), ("doctor", "--json")])
def test_a_reader_that_goes_away_is_no_error(
    installed: Environment, words: tuple[str, ...]
) -> None:
    """As ``head -1`` does."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        finished = subprocess.run(
            [installed.command, *words],
            env=clean(),
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
        )

    assert finished.stderr == b""
    assert finished.returncode == 141


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a full device")
def test_a_full_disk_is_one_line(installed: Environment) -> None:
    """What is to be redirected into a file may not fit."""
    with open("/dev/full", "w") as full:
        finished = subprocess.run(
            [installed.command, "status"],
            env=clean(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )

    assert finished.returncode == 1
    assert len(finished.stderr.splitlines()) == 1


def test_standard_output_may_be_closed(installed: Environment) -> None:
    """As it is for a daemon."""
    command = f"exec {shlex.quote(installed.command)} status >&-"

    finished = attempt("sh", "-c", command)
    assert (finished.returncode, finished.stderr) == (0, "")

"""Run a program with the shim active in it, and in the Python that it starts.

The program's interpreter may be another one than this, without ididi-scopefix;
wrapt and packaging are lent to it if it has none. Nothing is installed. A
sitecustomize that is there already still runs.

With another launcher, write run last, right before the program:
  opentelemetry-instrument ididi-scopefix run uvicorn app:app

On POSIX the program replaces this process: signals reach it, and the exit code
is its own. 127 means that there is no such program, 126 that there is one
which can't be executed. With IDIDI_SCOPEFIX=0 in the environment the program
runs without the shim, and one line says so.

It can't reach interpreters that are told to ignore the environment (python -I,
-E or -S), nor programs that clear it (sudo, env -i).
"""

# The environment variable PYTHONPATH makes the program's interpreter import a
# sitecustomize of ours, and that imports the shim.

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import NoReturn

from ididi_scopefix import _SWITCH, _is_off
from ididi_scopefix._releases import REQUIREMENTS

BOOTSTRAP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bootstrap")
"""The folder that is put on ``PYTHONPATH``. It holds a ``sitecustomize``."""

LENDING = "IDIDI_SCOPEFIX_LENDING"
"""The variable that tells the program's interpreter which packages are lent.

The value is ``NAME=FOLDER`` for each of them, separated as on ``PYTHONPATH``.
"""

HIDING = ("elasticapm-run", "opentelemetry-instrument")
"""Launchers whose own ``sitecustomize`` hides all others."""

NOT_FOUND = 127
NOT_EXECUTABLE = 126
"""The exit codes by which a shell says the same."""


def run(command: Sequence[str]) -> int:
    """Run *command* with the shim active in it.

    On POSIX the program takes the place of this process, and this function
    returns only if it can't.

    Returns:
        The program's exit code, or one of :data:`NOT_FOUND` and
        :data:`NOT_EXECUTABLE`.
    """
    environment = dict(os.environ)
    name = os.path.splitext(os.path.basename(command[0]))[0]
    if _is_off():
        _say(f"running without the shim, since {_SWITCH} is off in the environment")
    else:
        environment.update(additions(os.environ))
        if name in HIDING:
            instead = f"{name} ... ididi-scopefix run PROGRAM"
            _say(f"{name} hides the shim from its program. Write instead: {instead}")
    try:
        if os.name != "posix":
            return _wait_for(command, environment)
        _become(command, environment)
    except (OSError, ValueError) as error:
        return _explain(command[0], error)


def additions(environment: Mapping[str, str]) -> dict[str, str]:
    """Return what a program's environment needs for the shim to be active."""
    before = environment.get("PYTHONPATH")
    # Python ignores an empty PYTHONPATH, but an empty entry in a longer one means
    # the current folder. So empty entries are dropped only with the whole value.
    entries = before.split(os.pathsep) if before else []
    others = [entry for entry in entries if entry != BOOTSTRAP]
    return {
        "PYTHONPATH": os.pathsep.join([BOOTSTRAP, *others]),
        LENDING: os.pathsep.join(_lent()),
    }


def _lent() -> Iterator[str]:
    """Return in which folders this interpreter has the shim and what it needs."""
    for name in ("ididi_scopefix", *REQUIREMENTS):
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            folder = os.path.dirname(os.path.dirname(os.path.abspath(spec.origin)))
            yield f"{name}={folder}"


def _become(command: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Put the program in the place of this process."""
    # Python ignores these signals, and the program would inherit that.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_DFL)
    os.execvpe(command[0], list(command), environment)


def _wait_for(command: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run the program as a child, where processes can't be replaced."""
    with subprocess.Popen(command, env=environment) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                # The program gets Ctrl-C as well, and decides whether to end.
                continue


def _explain(program: str, error: Exception) -> int:
    """Say in one line why *program* can't be run; return the exit code."""
    # A program whose name is empty is a ValueError.
    if isinstance(error, (FileNotFoundError, NotADirectoryError, ValueError)):
        if shutil.which(program) is None:
            _say(f"{program or repr(program)}: no such program")
            return NOT_FOUND
        _say(f"{program}: the interpreter that its first line names does not exist")
    else:
        _say(f"{program}: can't be executed: {getattr(error, 'strerror', error)}")
    return NOT_EXECUTABLE


def _say(line: str) -> None:
    print(f"ididi-scopefix: {line}", file=sys.stderr, flush=True)

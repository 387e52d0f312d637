"""The command ``ididi-scopefix``: what can be typed, and what it exits with."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence
from typing import Any, Optional

from ididi_scopefix import _SWITCH, __version__

_DESCRIPTION = """\
Ends ididi's LookupError: <ContextVar name='idid_scope_ctx' ...>: every scope
call works in every context. Installed is active: there is nothing to run for
that. This command shows that it is so, and helps where it is not.
"""

_EPILOG = f"""\
examples:
  ididi-scopefix status                 what the shim does in this interpreter
  ididi-scopefix doctor                 prove it: every call, before and after
  ididi-scopefix run uvicorn app:app    for an environment that is not yours

the same for another interpreter, and for a PEX or shiv program:
  /path/to/python -m ididi_scopefix doctor
  PEX_INTERPRETER=1 python app.pex -m ididi_scopefix doctor
  SHIV_INTERPRETER=1 python app.pyz -m ididi_scopefix doctor

environment:
  {_SWITCH}=0          (or false, off, no) switches the shim off
  {_SWITCH}=verbose    has it say on standard error what it does
"""

_RUN = f"""\
Run a program with the shim active in it, and in the Python programs that it
starts. The program's interpreter may be another one than this, without
ididi-scopefix; wrapt and packaging are lent to it if it has none. Nothing is
installed. A sitecustomize that is there already still runs.

With another launcher, write run last, right before the program:
  opentelemetry-instrument ididi-scopefix run uvicorn app:app

On POSIX the program replaces this process: signals reach it, and the exit code
is its own. 127 means that there is no such program, 126 that there is one
which can't be executed. With {_SWITCH}=0 in the environment the program
runs without the shim, and one line says so.

It can't reach interpreters that are told to ignore the environment (python -I,
-E or -S), nor programs that clear it (sudo, env -i).
"""

_DOCTOR = """\
Start this interpreter twice more, with the shim switched off and with it on.
Make every scope call of ididi there, in five kinds of context, and print what
happens, and whether requests and threads need the shim.

exit codes:
  0   everything works here, or this ididi is not affected
  1   a call fails, or programs do not have the shim, or ididi can't be examined
  2   ididi is not installed here, or the command line is wrong
"""

_STATUS = """\
Show what the shim does in this interpreter and why, the start-up files that
activate it, and the versions of what is involved. Imports ididi to find out,
and starts this interpreter once more to see whether it has the shim by itself.
The exit code is 0, whatever the state.
"""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command; return its exit code.

    Args:
        arguments: the words behind the command's name, those of this process
            by default.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Paths and other people's messages may not be what the terminal knows.
            stream.reconfigure(errors="backslashreplace")
    try:
        try:
            return _run(sys.argv[1:] if arguments is None else list(arguments))
        finally:
            print(end="", flush=True)
    except KeyboardInterrupt:
        return 130
    except OSError as error:
        # Python flushes once more when it ends. That must not fail.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if isinstance(error, BrokenPipeError):
            return 141  # the reader has ended, as head does
        print(f"ididi-scopefix: {error.strerror or error}", file=sys.stderr)
        return 1


def _run(arguments: list[str]) -> int:
    if arguments[:1] == ["run"]:
        # Not by argparse: it would take options of the program for its own, and
        # how it treats "--" there depends on the version of Python.
        marked = arguments[1:2] == ["--"]
        command = arguments[2:] if marked else arguments[1:]
        if command and (marked or not command[0].startswith("-")):
            from ididi_scopefix.command import run

            return run.run(command)
    options = _parser().parse_args(arguments)
    # Here and not above: run patches nothing in this process.
    from ididi_scopefix.command import doctor, status

    show = {"doctor": doctor.show, "status": status.show}[options.command]
    return show(bool(options.json))


def _parser() -> argparse.ArgumentParser:
    plain: Any = {
        "formatter_class": argparse.RawDescriptionHelpFormatter,
        "allow_abbrev": False,
    }
    parser = argparse.ArgumentParser(
        prog="ididi-scopefix", description=_DESCRIPTION, epilog=_EPILOG, **plain
    )
    version = f"ididi-scopefix {__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for name, summary, description in (
        ("status", "what the shim does in this interpreter, and why", _STATUS),
        ("doctor", "prove that every scope call works here", _DOCTOR),
        ("run", "run a program with the shim active in it", _RUN),
    ):
        command = commands.add_parser(
            name, help=summary, description=description, **plain
        )
        if name == "run":
            command.usage = "ididi-scopefix run [-h] [--] COMMAND [ARG ...]"
            command.add_argument("program", metavar="COMMAND", help="the program")
        else:
            command.add_argument(
                "--json", action="store_true", help="print it for a program to read"
            )
    return parser

"""The command ``ididi-scopefix``: what can be typed, and what it exits with."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Optional, TextIO

from ididi_scopefix import _SWITCH, __version__
from ididi_scopefix.command import terminal

_INTERRUPTED = 130
_BROKEN_PIPE = 141
_USAGE = 2
_FAILED = 1

_DESCRIPTION = """\
Ends ididi's LookupError: <ContextVar name='idid_scope_ctx' ...>: every scope
call works in every context. Installed is active: there is nothing to run for
that. This command shows that it is so, and helps where it is not.
"""

_EPILOG = f"""\
examples:
  ididi-scopefix status                   what the shim does in this interpreter
  ididi-scopefix doctor                   prove it: every call, before and after
  ididi-scopefix run uvicorn app:app      for an environment that is not yours
  /path/to/python -m ididi_scopefix doctor      the same for another interpreter

environment:
  {_SWITCH}=0          (or false, off, no) switches the shim off
  {_SWITCH}=verbose    has it say on standard error what it does
  NO_COLOR=1                no colours, which otherwise a terminal gets
"""

_RUN = f"""\
Run a program with the shim active in it, and in the Python programs that it
starts. The program's interpreter may be another one than this, without
ididi-scopefix; wrapt and packaging are lent to it if it has none. Nothing is
installed. A sitecustomize that is there already still runs.

On POSIX the program replaces this process: signals reach it, and the exit code
is its own. 127 means that there is no such program, 126 that there is one
which can't be executed. With {_SWITCH}=0 in the environment the program
runs without the shim, and one line says so.

It can't reach interpreters that are told to ignore the environment (python -I,
-E or -S), nor programs that clear it (sudo, env -i).
"""

_DOCTOR = """\
Start this interpreter twice more, with the shim switched off and with it on.
Make every scope call of ididi there, in an empty context, in a new thread with
a new event loop, in a thread-pool thread and in a task with an empty context,
and print what happens and for which calls the shim is needed.

exit codes:
  0   everything works here, or this ididi is not affected
  1   one of these:
      - a call fails, or ididi can't be examined
      - every call works with the shim, but no start-up file is in force, so
        only programs that import ididi_scopefix have it
      - the shim is needed and switched off in the environment
      - the shim is needed and other users can read ididi but not the shim
  2   ididi is not installed here, or the command line is wrong
"""

_STATUS = """\
Show what the shim does in this interpreter and why, the start-up files that
activate it, and the versions of what is involved. Imports ididi to find out,
and starts this interpreter once more to see which start-up files it reads.
The exit code is 0, whatever the state.
"""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Run the command; return its exit code.

    Args:
        arguments: the words behind the command's name, those of this process
            by default.
    """
    terminal.write_what_it_can()
    try:
        try:
            code = _run(list(sys.argv[1:] if arguments is None else arguments))
        except SystemExit as leaving:
            # argparse has printed its help, or what is wrong.
            code = leaving.code if isinstance(leaving.code, int) else _USAGE
        _flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        # The interpreter flushes once more when it ends. That must not fail.
        if sys.__stdout__ is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())
        if isinstance(error, BrokenPipeError):
            # The reader has ended, as head does. That is no error.
            return _BROKEN_PIPE
        print(f"ididi-scopefix: {error.strerror or error}", file=sys.stderr)
        return _FAILED
    return code


def _flush() -> None:
    # A process that was started without standard output has None.
    stream: Optional[TextIO] = sys.stdout
    if stream is not None:
        stream.flush()


def _run(arguments: list[str]) -> int:
    if arguments[:1] == ["run"]:
        # Not by argparse: it would take options of the program for its own, and
        # how it treats "--" there depends on the version of Python.
        marked = arguments[1:2] == ["--"]
        command = arguments[2:] if marked else arguments[1:]
        if command and (marked or not command[0].startswith("-")):
            from ididi_scopefix.command import run

            return run.run(command)
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "status":
        from ididi_scopefix.command import status

        return status.show(options.json)
    if options.command == "doctor":
        from ididi_scopefix.command import doctor

        return doctor.show(options.json)
    parser.print_help(sys.stderr)
    return _USAGE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="ididi-scopefix",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    version = f"ididi-scopefix {__version__}"
    parser.add_argument("--version", action="version", version=version)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, summary, description in (
        ("status", "what the shim does in this interpreter, and why", _STATUS),
        ("doctor", "prove that every scope call works here", _DOCTOR),
        ("run", "run a program with the shim active in it", _RUN),
    ):
        command = commands.add_parser(
            name,
            help=summary,
            description=description,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        if name == "run":
            command.usage = "ididi-scopefix run [-h] [--] COMMAND [ARG ...]"
            command.add_argument("program", metavar="COMMAND", help="the program")
        else:
            command.add_argument(
                "--json", action="store_true", help="print it for a program to read"
            )
    return parser

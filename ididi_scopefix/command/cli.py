"""The command ``ididi-scopefix``: what can be typed, and what it exits with."""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from ididi_scopefix import _SWITCH, __version__
from ididi_scopefix.command import run

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
            return run.run(command)
    # Here and not above: run patches nothing in this process.
    from ididi_scopefix.command import doctor, status

    pages = {"status": status.__doc__, "doctor": doctor.__doc__, "run": run.__doc__}
    options = _parser(pages).parse_args(arguments)
    show = {"status": status.show, "doctor": doctor.show}[options.command]
    return show(bool(options.json))


def _parser(pages: Mapping[str, Optional[str]]) -> argparse.ArgumentParser:
    """Return the parser; *pages* has the help page of each command."""
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
    for name, page in pages.items():
        summary = (page or "").partition("\n")[0]
        command = commands.add_parser(name, help=summary, description=page, **plain)
        if name == "run":
            command.usage = "ididi-scopefix run [-h] [--] COMMAND [ARG ...]"
            command.add_argument("program", metavar="COMMAND", help="the program")
        else:
            told = "print it for a program to read"
            command.add_argument("--json", action="store_true", help=told)
    return parser

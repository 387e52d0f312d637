"""The command ``ididi-scopefix``: what can be typed, and what is printed."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import textwrap
from contextlib import redirect_stdout
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of_distribution
from typing import TYPE_CHECKING, Optional, TextIO

import ididi_scopefix
from ididi_scopefix import _SWITCH, _is_off, start_up_files, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

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
  {_SWITCH}=0     (or false, off, no) switches the shim off everywhere
  NO_COLOR=1           no colours, which otherwise a terminal gets
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
and print what happens.

exit codes:
  0   everything works here, or this ididi is not affected
  1   something fails, or the shim is switched off although it is needed
  2   ididi is not installed here, or the command line is wrong
"""

_STATUS = """\
Show what the shim does in this interpreter and why, the start-up files that
activate it, and the versions of what is involved. Imports ididi to find out.
The exit code is 0.
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
            # argparse has printed its help, or what it didn't like.
            code = leaving.code if isinstance(leaving.code, int) else _USAGE
        _flush()
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:
        # The interpreter flushes once more when it ends, and must not fail.
        if sys.__stdout__ is not None:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())
        if isinstance(error, BrokenPipeError):
            # Whoever was reading has seen enough.
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
    # By hand: argparse looks for options of its own in the program's command
    # line, and what it makes of "--" there depends on the version of Python.
    command: list[str] = []
    if arguments[:1] == ["run"] and len(arguments) > 1:
        first = arguments[1]
        if first == "--":
            arguments, command = ["run", *arguments[2:3]], arguments[2:]
        elif not first.startswith("-"):
            arguments, command = ["run", first], arguments[1:]
    if command:
        from ididi_scopefix import run

        return run.run(command)
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "status":
        return _status(options.json)
    if options.command == "doctor":
        return _doctor(options.json)
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
    version = f"ididi-scopefix {ididi_scopefix.__version__}"
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


def _status(as_json: bool) -> int:
    problem = _import_ididi()
    status = ididi_scopefix.status()
    files = start_up_files.find()
    versions = {
        "ididi-scopefix": ididi_scopefix.__version__,
        "ididi": status.ididi_version,
        "wrapt": _version("wrapt"),
        "packaging": _version("packaging"),
        "python": platform.python_version(),
    }
    if as_json:
        found = {
            **asdict(status),
            "import_error": problem,
            "start_up_files": [file._asdict() for file in files],
            "switch": os.environ.get(_SWITCH),
            "versions": versions,
            "executable": sys.executable,
        }
        print(json.dumps(found, indent=2))
        return 0
    colour = {"active": terminal.good, "failed": terminal.bad}.get(
        status.state, terminal.heading
    )
    _line("state", f"{colour(status.state)}: {status.reason}")
    if problem is not None:
        _line("", terminal.bad(f"ididi can't be imported: {problem}"))
    for number, name in enumerate(status.patched):
        _line("" if number else "patched", name)
    _line("start-up", _summary(files))
    for file in files:
        reason = f" ({file.reason})" if file.reason else ""
        force = "in force:    " if file.in_force else "not in force:"
        _line("", f"{force} {file.path}{reason}")
    for name, version in versions.items():
        _line(name, version or "not installed")
    _line("", sys.executable)
    return 0


def _summary(files: Sequence[start_up_files.StartUpFile]) -> str:
    if _is_off():
        return f"switched off in every program by {_SWITCH}={os.environ[_SWITCH]}"
    if any(file.in_force for file in files):
        return "activated in every program of this interpreter"
    return terminal.bad(
        "no start-up file is in force: programs have to import ididi_scopefix"
    )


def _line(title: str, text: str) -> None:
    print(f"{title:15}{text}".rstrip())


def _import_ididi() -> Optional[str]:
    """Import ididi, whatever that does; return what is wrong with it."""
    try:
        with redirect_stdout(sys.stderr):
            import_module("ididi.graph")
    except ModuleNotFoundError as error:
        if error.name == "ididi":
            return None
        return f"{type(error).__name__}: {error}"
    except (Exception, SystemExit) as error:
        return f"{type(error).__name__}: {error}"
    return None


def _version(name: str) -> Optional[str]:
    try:
        return version_of_distribution(name)
    except PackageNotFoundError:
        return None


def _doctor(as_json: bool) -> int:
    from ididi_scopefix import doctor

    diagnosis = doctor.diagnose()
    if as_json:
        print(json.dumps(doctor.report(diagnosis), indent=2))
        return diagnosis.code
    for title, found in (
        ("without the shim", diagnosis.off),
        ("with the shim", diagnosis.on),
    ):
        if found is not None and found.failures:
            _table(title, list(doctor.rows(found.failures)))
    uvicorn = doctor.uvicorn()
    if uvicorn is not None and diagnosis.off.failures:
        print(_wrapped(doctor.about_uvicorn(uvicorn)))
    colour = terminal.good if diagnosis.code == doctor.WORKS else terminal.bad
    for sentence in diagnosis.verdict:
        print(colour(_wrapped(sentence)))
    return diagnosis.code


def _wrapped(sentence: str) -> str:
    return textwrap.fill(
        sentence, width=80, break_long_words=False, break_on_hyphens=False
    )


_COLUMNS = (
    ("empty", "context"),
    ("new thread,", "new loop"),
    ("thread-pool", "thread"),
    ("task, empty", "context"),
)


def _table(title: str, rows: Sequence[tuple[str, list[Optional[str]]]]) -> None:
    cells = [cell or "works" for _, row in rows for cell in row]
    heads = [head for column in _COLUMNS for head in column]
    width = 2 + max(map(len, (*cells, *heads)))
    for number, head in enumerate((title, "")):
        columns = "".join(f"{column[number]:{width}}" for column in _COLUMNS)
        print(terminal.heading(f"{head:22}") + columns.rstrip())
    for call, row in rows:
        line = f"  {call:20}"
        for error in row:
            cell = f"{error or 'works':{width}}"
            line += terminal.bad(cell) if error else terminal.good(cell)
        print(line.rstrip())
    print()

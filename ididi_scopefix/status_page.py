"""What ``ididi-scopefix status`` shows: the shim in this interpreter."""

from __future__ import annotations

import json
import os
import platform
import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of_distribution
from typing import TYPE_CHECKING, Optional

import ididi_scopefix
from ididi_scopefix import _SWITCH, _is_off, start_up_files, terminal

if TYPE_CHECKING:
    from collections.abc import Sequence


def show(as_json: bool) -> int:
    """Print the status of this interpreter; return the exit code."""
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
        return "activated whenever this interpreter starts"
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

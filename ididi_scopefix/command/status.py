"""Show what the shim does in this interpreter, and why.

Shows the start-up files that activate it and the versions of what is involved,
too. Imports ididi to find out, and starts this interpreter once more to see
whether it has the shim by itself. The exit code is 0, whatever the state.
"""

from __future__ import annotations

import json
import os
import platform
import sys
from contextlib import redirect_stdout
from dataclasses import asdict
from importlib import import_module
from importlib.metadata import version as version_of_distribution
from typing import Optional

import ididi_scopefix
from ididi_scopefix import _SWITCH, _activation, _is_off
from ididi_scopefix._releases import REQUIREMENTS
from ididi_scopefix.command import start_up


def show(as_json: bool) -> int:
    """Print the status of this interpreter; return the exit code."""
    is_importable, problem = _import_ididi()
    status = ididi_scopefix.status()
    start = start_up.ask()
    loaded: Optional[bool] = start["loaded"]
    files = start_up.files(loaded)
    since = start_up.since(files)
    versions = {
        "ididi-scopefix": ididi_scopefix.__version__,
        "ididi": status.ididi_version if is_importable else None,
        **{name: _importable_version(name) for name in REQUIREMENTS},
        "python": platform.python_version(),
    }
    if as_json:
        report = {
            **asdict(status),
            "import_error": problem,
            "loaded_at_start_up": loaded,
            "in_force_since": since and since.isoformat(),
            "start_up_files": [file._asdict() for file in files],
            "switch": os.environ.get(_SWITCH),
            "switch_is_known": _activation.unknown_switch() is None,
            "versions": versions,
            "executable": sys.executable,
        }
        print(json.dumps(report, indent=2))
        return 0
    # This process has imported the shim, which a program may not do.
    only_here = status.state == "active" and loaded is False
    here = " In this command; for programs, see start-up." if only_here else ""
    _print("state", f"{status.state}: {status.reason}{here}")
    if problem is not None:
        _print("", f"ididi can't be imported: {problem}")
    _print("patched", *status.patched)
    for caller in status.callers:
        where = f"{caller.file}:{caller.line} in {caller.function}"
        _print("callers", f"{caller.count} {caller.call} at {where}")
    if _is_off():
        off = f"switched off in every program by {_SWITCH}={os.environ[_SWITCH]}"
        _print("start-up", off)
    elif loaded:
        older = start_up.about_older_processes(since)
        _print(
            "start-up", "active in every program that is started like this one", *older
        )
    elif loaded is None:
        _print("start-up", f"not known: {start['error']}")
    else:
        told = "no start-up file is in force: programs have to import ididi_scopefix"
        _print("start-up", told)
    for file in files:
        force = "in force:    " if file.in_force else "not in force:"
        _print("", f"{force} {file.path}{file.reason and f' ({file.reason})'}")
    for name, version in versions.items():
        _print(name, version or "not importable")
    _print("", sys.executable)
    return 0


def _print(title: str, *lines: str) -> None:
    for line in lines:
        print(f"{title:15}{line}".rstrip())
        title = ""


def _import_ididi() -> tuple[bool, Optional[str]]:
    """Import ididi, whatever that does; return whether it works, and its error."""
    try:
        with redirect_stdout(sys.stderr):
            import_module("ididi.graph")
    except ModuleNotFoundError as error:
        missing = error.name == "ididi"
        return False, None if missing else f"{type(error).__name__}: {error}"
    except (Exception, SystemExit) as error:
        return False, f"{type(error).__name__}: {error}"
    return True, None


def _importable_version(name: str) -> Optional[str]:
    """Return the version of a package; ``None`` if it can't be imported.

    The metadata of a package can be there without the package.
    """
    try:
        import_module(name)
        return version_of_distribution(name)
    except ImportError:
        return None

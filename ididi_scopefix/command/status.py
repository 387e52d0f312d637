"""``ididi-scopefix status``: the shim in this interpreter."""

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
from ididi_scopefix.command import start_up_files, terminal


def show(as_json: bool) -> int:
    """Print the status of this interpreter; return the exit code."""
    is_importable, problem = _import_ididi()
    status = ididi_scopefix.status()
    start_up = start_up_files.find()
    versions = {
        "ididi-scopefix": ididi_scopefix.__version__,
        "ididi": status.ididi_version if is_importable else None,
        **{name: _importable_version(name) for name in REQUIREMENTS},
        "python": platform.python_version(),
    }
    if as_json:
        found = {
            **asdict(status),
            "import_error": problem,
            "loaded_at_start_up": start_up.loaded,
            "start_up_files": [file._asdict() for file in start_up.files],
            "switch": os.environ.get(_SWITCH),
            "switch_is_known": _activation.unknown_switch() is None,
            "versions": versions,
            "executable": sys.executable,
        }
        print(json.dumps(found, indent=2))
        return 0
    colour = {"active": terminal.good, "failed": terminal.bad}.get(
        status.state, terminal.heading
    )
    reason = status.reason
    if status.state == "active" and not start_up.loaded:
        # This process has imported the shim, and a program may not.
        reason += terminal.bad(" In this command; for programs, see start-up.")
    _print("state", f"{colour(status.state)}: {reason}")
    if problem is not None:
        _print("", terminal.bad(f"ididi can't be imported: {problem}"))
    for number, name in enumerate(status.patched):
        _print("" if number else "patched", name)
    for number, caller in enumerate(status.callers):
        where = f"{caller.file}:{caller.line} in {caller.function}"
        _print("" if number else "callers", f"{caller.count} {caller.call} at {where}")
    _print("start-up", _summary(start_up))
    for file in start_up.files:
        reason = f" ({file.reason})" if file.reason else ""
        force = "in force:    " if file.in_force else "not in force:"
        _print("", f"{force} {file.path}{reason}")
    for name, version in versions.items():
        _print(name, version or "not importable")
    _print("", sys.executable)
    return 0


def _summary(start_up: start_up_files.StartUp) -> str:
    if _is_off():
        return f"switched off in every program by {_SWITCH}={os.environ[_SWITCH]}"
    if start_up.loaded:
        return "activated whenever this interpreter starts"
    return terminal.bad(
        "no start-up file is in force: programs have to import ididi_scopefix"
    )


def _print(title: str, text: str) -> None:
    print(f"{title:15}{text}".rstrip())


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
    except Exception:
        return None

"""``ididi-scopefix doctor``: the proof, in interpreters like this one.

It starts this interpreter anew, with the shim switched off and with it on, and
has every scope call made in every kind of context that a program can meet.
"""

from __future__ import annotations

import json
import os
import pkgutil
import subprocess
import sys
from importlib.metadata import version as version_of_distribution
from typing import TYPE_CHECKING, Any, NamedTuple, Optional

from ididi_scopefix import (
    _PACKAGE,
    _SWITCH,
    _is_off,
    examination,
    installed,
    releases,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKS, FAILS, NO_IDIDI = 0, 1, 2
"""The exit codes."""

TIMEOUT = 60.0
"""How many seconds an examination may take; it needs less than one."""

# The folder that the user happens to be in is not on the path of a program, and
# may have anything in it.
_PREFACE = "import sys; sys.path[:] = filter(None, sys.path)\n"

Findings = dict[str, dict[str, Optional[str]]]
"""The error of each call in each place, ``None`` where it works."""

_NO_IDIDI = (
    "ididi is not installed in this interpreter, {}. Run doctor in the one of the"
    " application: /path/to/python -m ididi_scopefix doctor"
)
_NOT_STARTED = (
    "needs the shim, and no start-up file is in force here: every call works in a"
    " program that imports ididi_scopefix, and only there."
)
_TO_START = (
    "To have it in every program, pip install ididi-scopefix for this interpreter,"
    " put a sitecustomize.py that imports ididi_scopefix on PYTHONPATH, or start the"
    " program with `ididi-scopefix run`."
)


class Examination(NamedTuple):
    """What a child has found.

    Attributes:
        failures: the findings, empty if there is an error.
        started: whether the shim was there without having been imported.
        state: the state of the shim; ``None`` if it isn't there.
        reason: the reason of that state.
        error: why nothing was found.
        missing: the module whose absence is the error, if that is it.
    """

    failures: Findings = {}  # noqa: RUF012  nobody changes it
    started: bool = False
    state: Optional[str] = None
    reason: str = ""
    error: Optional[str] = None
    missing: Optional[str] = None

    def works(self) -> bool:
        """Tell whether every call works everywhere."""
        return self.error is None and not self.errors()

    def errors(self) -> list[str]:
        """Return the errors of all calls that fail."""
        return [
            error
            for places in self.failures.values()
            for error in places.values()
            if error is not None
        ]


class Diagnosis(NamedTuple):
    """What the examinations mean.

    Attributes:
        code: the exit code.
        verdict: what is the matter, in sentences.
        off: what was found with the shim off.
        on: what was found with the shim on, if that was needed.
    """

    code: int
    verdict: list[str]
    off: Examination
    on: Optional[Examination] = None


def diagnose() -> Diagnosis:
    """Examine this interpreter and say what the findings mean."""
    off = examine(off=True)
    if off.missing == _PACKAGE:
        return Diagnosis(NO_IDIDI, [_NO_IDIDI.format(sys.executable)], off)
    if off.error is not None:
        return Diagnosis(FAILS, [f"ididi can't be examined: {off.error}"], off)
    ididi = f"ididi {installed.version_on_path() or 'of unknown version'}"
    if not off.errors():
        verdict = f"{ididi} answers in every context by itself: nothing is to be done."
        return Diagnosis(WORKS, [verdict], off)
    on = examine()
    if not on.started:
        imported = examine(examination.IMPORT)
        if imported.works():
            return Diagnosis(FAILS, [f"{ididi} {_NOT_STARTED}", _TO_START], off, on)
        on = imported
    return _with_the_shim(ididi, off, on)


def _with_the_shim(ididi: str, off: Examination, on: Examination) -> Diagnosis:
    """Say what it means that the shim was on and *on* was found."""
    code = FAILS
    if on.error is not None:
        verdict = f"With the shim on, {ididi} can't be examined: {on.error}"
    elif on.state == "inactive" and not any(map(_is_the_bug, on.errors())):
        code = WORKS
        verdict = f"Nothing here fails for the bug: {on.reason}"
    elif not on.works():
        failing, calls = len(on.errors()), sum(map(len, on.failures.values()))
        verdict = (
            f"With the shim on, {failing} of {calls} calls still fail, the first with"
            f" {on.errors()[0]!r}. The shim is {on.state}: {on.reason}"
        )
    elif _is_off():
        verdict = (
            f"{ididi} needs the shim, and {_SWITCH}={os.environ[_SWITCH]} switches"
            " it off: unset it. With the shim on, every call works."
        )
    else:
        code = WORKS
        verdict = f"{ididi} needs the shim, and with it every call works."
    return Diagnosis(code, [verdict], off, on)


def _is_the_bug(error: str) -> bool:
    return error.startswith("LookupError:")


def examine(argument: str = "", off: bool = False) -> Examination:
    """Examine ididi in a child, an interpreter like this one.

    Args:
        argument: :data:`~ididi_scopefix.examination.IMPORT` for a program that
            imports the shim.
        off: whether the shim is switched off there. It is switched on
            otherwise, whatever the environment says.
    """
    environment = dict(os.environ)
    environment.pop(_SWITCH, None)
    if off:
        environment[_SWITCH] = "0"
    source = pkgutil.get_data("ididi_scopefix", "examination.py") or b""
    command = [sys.executable, "-c", _PREFACE + source.decode(), argument]
    try:
        child = subprocess.run(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Examination(error=f"no answer within {TIMEOUT:.0f} seconds.")
    except OSError as error:
        return Examination(error=f"{sys.executable!r} can't be started: {error}")
    _, mark, answer = child.stdout.decode(errors="replace").rpartition(examination.MARK)
    if mark:
        return Examination(**json.loads(answer.partition("\n")[0]))
    said = child.stderr.decode(errors="replace").strip().splitlines() or [""]
    how = f"exit code {child.returncode}"
    return Examination(error=f"the interpreter broke off ({how}): {said[-1]}")


def uvicorn() -> Optional[dict[str, str]]:
    """Return what is known about the installed uvicorn, ``None`` without one."""
    try:
        version = version_of_distribution("uvicorn")
        return {"version": version, "empty_contexts": releases.empty_contexts(version)}
    except Exception:
        return None


def about_uvicorn(found: dict[str, str]) -> str:
    """Return what the installed uvicorn means for requests, as a sentence."""
    when = {
        "never": "starts no request in an empty context",
        "always": "starts every request in an empty context",
        "option": "starts requests in empty contexts only with"
        f" {releases.UVICORN_OPTION}",
    }[found["empty_contexts"]]
    return f"uvicorn {found['version']} {when}: see the first column."


def report(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return everything that was found, for a program to read."""
    off, on = diagnosis.off, diagnosis.on
    return {
        "ok": diagnosis.code == WORKS,
        "exit_code": diagnosis.code,
        "verdict": diagnosis.verdict,
        "ididi": installed.version_on_path(),
        "uvicorn": uvicorn(),
        "without_shim": off.failures,
        "with_shim": None if on is None else on.failures,
        "state": None if on is None else on.state,
        "reason": None if on is None else on.reason,
    }


def rows(failures: Findings) -> Iterator[tuple[str, list[Optional[str]]]]:
    """Return the table of *failures*: per call, the error's name in each place."""
    for call, places in failures.items():
        yield (
            call,
            [error and error.partition(":")[0] for error in places.values()],
        )

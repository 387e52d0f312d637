"""``ididi-scopefix doctor``: the proof, in interpreters like this one.

It starts this interpreter anew, with the shim switched off and with it on, and
makes every scope call in every kind of context that a program can meet.
"""

from __future__ import annotations

import json
import os
import pkgutil
import platform
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version as version_of_distribution
from typing import Any, NamedTuple, Optional

from ididi_scopefix import _SWITCH, _activation, _is_off, _releases
from ididi_scopefix.command import (
    child,
    examination,
    known_releases,
    permissions,
    start_up_files,
    terminal,
)

WORKS, FAILS, NO_IDIDI = 0, 1, 2
"""The exit codes."""

Findings = Mapping[str, Mapping[str, Optional[str]]]
"""The error of each call in each kind of context, ``None`` where it works."""

# The kinds of context, in the order of the examination and in two lines each.
_COLUMNS = (
    ("empty", "context"),
    ("new thread,", "new loop"),
    ("thread-pool", "thread"),
    ("task, empty", "context"),
)

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
        loaded: whether the shim was there without having been imported.
        state: the state of the shim; ``None`` if it isn't there.
        reason: the reason of that state.
        error: why nothing was found.
        missing: the module whose absence is the error, if that is it.
    """

    failures: Findings = {}  # noqa: RUF012  nobody changes it
    loaded: bool = False
    state: Optional[str] = None
    reason: str = ""
    error: Optional[str] = None
    missing: Optional[str] = None

    def errors(self, call: Optional[str] = None) -> list[str]:
        """Return the errors of *call*, or those of all calls."""
        return [
            error
            for name, kinds in self.failures.items()
            if call in (None, name)
            for error in kinds.values()
            if error is not None
        ]

    def remaining(self) -> list[str]:
        """Return the errors of all calls, except those for unreadable annotations."""
        return [error for error in self.errors() if not _is_about_annotations(error)]

    def works(self) -> bool:
        """Tell whether no call fails, but for annotations that ididi can't read."""
        return self.error is None and not self.remaining()


class Diagnosis(NamedTuple):
    """What the examinations mean.

    Attributes:
        code: the exit code.
        verdict: what is the matter, in sentences.
        off: what was found with the shim off.
        on: what was found with the shim on, if that was needed.
        needed: whether this ididi needs the shim; ``None`` if nothing was found.
        needed_for: the calls that raise the ``LookupError`` without the shim.
    """

    code: int
    verdict: list[str]
    off: Examination
    on: Optional[Examination] = None
    needed: Optional[bool] = None
    needed_for: Sequence[str] = ()


def diagnose() -> Diagnosis:
    """Examine this interpreter and say what the findings mean."""
    off = examine_child(off=True)
    if off.missing == "ididi":
        verdict = [_NO_IDIDI.format(sys.executable)]
        return Diagnosis(NO_IDIDI, verdict, off, needed=False)
    if off.error is not None:
        return Diagnosis(FAILS, [f"ididi can't be examined: {off.error}"], off)
    ididi = f"ididi {_releases.version_of(None) or 'of unknown version'}"
    on: Optional[Examination] = None
    imported: Optional[Examination] = None
    if off.works():
        code = WORKS
        verdict = [
            f"{ididi} answers in every context by itself: nothing is to be done."
        ]
    else:
        on = examine_child()
        if not on.loaded:
            imported = examine_child(examination.IMPORT)
        if imported is not None and imported.works():
            code, verdict = FAILS, [f"{ididi} {_NOT_STARTED}", _how_to_start()]
            if _is_off():
                switch = f"{_SWITCH}={os.environ[_SWITCH]}"
                verdict.append(f"{switch} switches the shim off even then: unset it.")
        else:
            on = imported or on
            code, sentence = _with_the_shim(ididi, off, on)
            verdict = [sentence]
    if len(off.remaining()) < len(off.errors()):
        code = FAILS
        verdict.append(_about_annotations(ididi))
    needed_for = _needed_for(off, imported or on)
    verdict.append(_about_need(off, needed_for))
    verdict.extend(filter(None, [_activation.unknown_switch()]))
    unreadable = permissions.unreadable(("ididi_scopefix", *_releases.REQUIREMENTS))
    if needed_for and unreadable is not None:
        code = FAILS
        verdict.append(unreadable)
    return Diagnosis(code, verdict, off, on, bool(needed_for), needed_for)


def _with_the_shim(ididi: str, off: Examination, on: Examination) -> tuple[int, str]:
    """Return the exit code and the verdict on what was found with the shim on."""
    errors = on.remaining()
    every = "every call" if errors == on.errors() else "every other call"
    if on.error is not None:
        return FAILS, f"With the shim on, {ididi} can't be examined: {on.error}"
    if on.state == "inactive" and not any(map(_is_the_bug, errors)):
        return WORKS, f"Nothing here fails for the bug: {on.reason}"
    if errors:
        calls = sum(map(len, on.failures.values()))
        return FAILS, (
            f"With the shim on, {len(errors)} of {calls} calls still fail, the first"
            f" with {errors[0]!r}. The shim is {on.state}: {on.reason}"
        )
    if _is_off():
        return FAILS, (
            f"{ididi} needs the shim, and {_SWITCH}={os.environ[_SWITCH]} switches"
            f" it off: unset it. With the shim on, {every} works."
        )
    return WORKS, f"{ididi} needs the shim, and with it {every} works."


def _how_to_start() -> str:
    if start_up_files.ignores_import_lines():
        return start_up_files.LINES_IGNORED
    return _TO_START


def _needed_for(off: Examination, on: Optional[Examination]) -> list[str]:
    """Return the calls that need the shim."""
    if on is None or on.state == "inactive":
        return []
    return [name for name in off.failures if any(map(_is_the_bug, off.errors(name)))]


def _about_need(off: Examination, needed_for: Sequence[str]) -> str:
    """Say for which calls the shim is needed."""
    if not needed_for:
        if any(map(_is_the_bug, off.errors())):
            return "The shim is not needed, since it can't help here."
        return "The shim is not needed."
    if len(needed_for) == len(off.failures):
        return "The shim is needed for every call."
    names = list(dict.fromkeys(call.partition("(")[0] for call in needed_for))
    calls = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    only = "only " if any(not off.errors(call) for call in off.failures) else ""
    return f"The shim is needed {only}for {calls}."


def _about_annotations(ididi: str) -> str:
    python = ".".join(platform.python_version_tuple()[:2])
    return (
        f"{ididi} can't read annotations on Python {python}, so resolve() and entry"
        " functions raise TypeError with the shim and without it: that is ididi's own"
        " error, which is not cured here."
    )


def _is_the_bug(error: str) -> bool:
    return error.startswith("LookupError:")


def _is_about_annotations(error: str) -> bool:
    """Tell whether *error* is that of ididi up to 1.8.4 on Python 3.15.

    ididi calls the private ``typing._eval_type``, which has got a new parameter.
    """
    return error.startswith("TypeError: _eval_type() missing")


def examine_child(argument: str = "", off: bool = False) -> Examination:
    """Have every call made in a child, an interpreter like this one.

    Args:
        argument: :data:`~ididi_scopefix.command.examination.IMPORT` for a program
            that imports the shim.
        off: whether the shim is switched off there. It is switched on
            otherwise, whatever the environment says.
    """
    environment = dict(os.environ)
    environment.pop(_SWITCH, None)
    if off:
        environment[_SWITCH] = "0"
    source = pkgutil.get_data("ididi_scopefix.command", "examination.py") or b""
    try:
        answer = child.ask(source.decode(), argument, environment=environment)
    except child.ChildError as error:
        return Examination(error=str(error))
    return Examination(**answer)


def uvicorn() -> Optional[dict[str, str]]:
    """Return what is known about the installed uvicorn, ``None`` without one."""
    try:
        version = version_of_distribution("uvicorn")
        when = known_releases.empty_contexts(version)
    except Exception:
        return None
    return {"version": version, "empty_contexts": when}


def about_uvicorn(found: Mapping[str, str]) -> str:
    """Return what the installed uvicorn means for requests, in sentences."""
    option = known_releases.UVICORN_OPTION
    shared = "a request can see the scope of the one before on its connection"
    return (
        f"uvicorn {found['version']} "
        + {
            "never": f"starts no request in an empty context: {shared}.",
            "always": "starts every request in an empty context: see the first column."
            " With the shim, requests are isolated from each other, pipelined ones"
            " only with --http h11; websockets are not.",
            "option": f"starts requests in empty contexts only with {option}: see the"
            f" first column. With {option} and the shim, requests are isolated from each"
            f" other, websockets are not; without {option}, {shared}.",
        }[found["empty_contexts"]]
    )


def report(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return everything that was found, for a program to read."""
    off, on = diagnosis.off, diagnosis.on
    return {
        "ok": diagnosis.code == WORKS,
        "exit_code": diagnosis.code,
        "verdict": diagnosis.verdict,
        "needed": diagnosis.needed,
        "needed_for": list(diagnosis.needed_for),
        "ididi": _releases.version_of(None),
        "uvicorn": uvicorn(),
        "without_shim": off.failures,
        "with_shim": None if on is None else on.failures,
        "state": None if on is None else on.state,
        "reason": None if on is None else on.reason,
    }


def show(as_json: bool) -> int:
    """Examine this interpreter and print the findings; return the exit code."""
    diagnosis = diagnose()
    if as_json:
        print(json.dumps(report(diagnosis), indent=2))
        return diagnosis.code
    for title, found in (
        ("without the shim", diagnosis.off),
        ("with the shim", diagnosis.on),
    ):
        if found is not None and found.failures:
            _print_table(title, list(_rows(found.failures)))
    server = uvicorn()
    if server is not None and diagnosis.off.failures:
        print(_wrapped(about_uvicorn(server)))
    colour = terminal.good if diagnosis.code == WORKS else terminal.bad
    for sentence in diagnosis.verdict:
        print(colour(_wrapped(sentence)))
    return diagnosis.code


def _wrapped(sentence: str) -> str:
    return textwrap.fill(
        sentence, width=80, break_long_words=False, break_on_hyphens=False
    )


def _rows(failures: Findings) -> Iterator[tuple[str, list[Optional[str]]]]:
    """Return the table's rows: per call, the error's name in each kind of context."""
    for call, kinds in failures.items():
        yield call, [error and error.partition(":")[0] for error in kinds.values()]


def _print_table(title: str, rows: Sequence[tuple[str, list[Optional[str]]]]) -> None:
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

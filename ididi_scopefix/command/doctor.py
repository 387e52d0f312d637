"""Prove that every scope call works here, by calls before and after.

Starts this interpreter twice more, with the shim switched off and with it on,
makes every scope call of ididi there, in five kinds of context, and says what
happens, and whether requests and threads need the shim.

exit codes:
  0   everything works here, or this ididi is not affected
  1   a call fails, or programs do not have the shim, or ididi can't be examined
  2   ididi is not installed here, or the command line is wrong
"""

from __future__ import annotations

import json
import os
import pkgutil
import platform
import sys
import textwrap
from collections.abc import Iterator, Mapping
from importlib.metadata import version as version_of_distribution
from importlib.util import find_spec
from typing import Any, Optional

from ididi_scopefix import _SWITCH, _activation, _is_off, _releases
from ididi_scopefix.command import child, start_up

WORKS, FAILS, NO_IDIDI = 0, 1, 2
"""The exit codes."""

UVICORN = {"0.dev0": "never", "0.39.0": "always", "0.45.0": "option"}
"""Since which release uvicorn starts requests in empty contexts, and when."""

UVICORN_OPTION = "--reset-contextvars"

THREADS = ("new thread with a new event loop", "thread-pool thread")

COMMAND = "    "
"""How a line of the verdict begins that is no sentence: it is never broken."""

TO_START = (
    f"To have it in every program, install ididi-scopefix for {sys.executable}, import"
    " it in a sitecustomize.py on PYTHONPATH, or start the program with run:\n"
    f"{COMMAND}ididi-scopefix run PROGRAM"
).splitlines()

ONE_CONNECTION = (
    "With the shim and without it, a pipelined request or a websocket can find the"
    " closed scope of the request before it on its connection, if its answer is sent"
    " while the scope is open. docs/recipes.md says what to do, under"
    ' "One connection, one context".'
)

NOT_NEEDED = "The shim is not needed."

Findings = Mapping[str, Mapping[str, Optional[str]]]
"""The error of each call in each kind of context, ``None`` where it works."""


def diagnose() -> dict[str, Any]:
    """Examine this interpreter; return what was found and what it means."""
    off = _examine(with_shim=False)
    failures: Findings = off.get("failures", {})
    ididi = f"ididi {_releases.version_of(None) or 'of unknown version'}"
    on: Optional[dict[str, Any]] = None
    if any(not _is_about_annotations(error) for *_, error in _errors(failures)):
        on = _examine(with_shim=True)
    code, verdict = _judge(ididi, off, on)
    bugs = [found for found in _errors(failures) if _is_the_bug(found[2])]
    if on is None or on.get("state") == "inactive":
        bugs = []
    calls = list(dict.fromkeys(call for call, *_ in bugs))
    server = uvicorn()
    needed_in: dict[str, Optional[bool]] = {"requests": False, "threads": False}
    since = None
    if calls:
        verdict += _about_calls(failures, calls)
        needed_in, told = _places({kind for _, kind, _ in bugs}, server)
        verdict += told
        if code == WORKS:
            since = start_up.since(start_up.files(loaded=True))
            verdict += start_up.about_older_processes(since)
    if any(_is_about_annotations(error) for *_, error in _errors(failures)):
        code = FAILS
        python = ".".join(platform.python_version_tuple()[:2])
        verdict.append(
            f"{ididi} can't read annotations on Python {python}, so resolve() and entry"
            " functions raise TypeError with the shim and without it: that is ididi's"
            " own error, which is not cured here."
        )
    verdict += filter(None, [_activation.unknown_switch()])
    return {
        "ok": code == WORKS,
        "exit_code": code,
        "verdict": verdict,
        "needed": None if code == FAILS and not failures else bool(calls),
        "needed_for": calls,
        "needed_in": needed_in,
        "ididi": _releases.version_of(None),
        "uvicorn": server,
        "without_shim": failures,
        "with_shim": on and on.get("failures", {}),
        "state": on and on.get("state"),
        "reason": on and on.get("reason", ""),
        "in_force_since": since and since.isoformat(),
    }


def _examine(with_shim: bool) -> dict[str, Any]:
    """Have every call made in an interpreter like this one.

    *with_shim* overrules the switch in the environment.
    """
    source = pkgutil.get_data("ididi_scopefix.command", "calls.py") or b""
    switch = {_SWITCH: "1" if with_shim else "0"}
    return child.ask(source.decode(), f"examine({with_shim})", **switch)


def _judge(
    ididi: str, off: dict[str, Any], on: Optional[dict[str, Any]]
) -> tuple[int, list[str]]:
    """Return the exit code, and what is the matter."""
    if off.get("missing") == "ididi":
        if find_spec("ididi") is not None:
            return FAILS, [f"The calls can't be tried: {child.NOT_FOUND}"]
        told = f"ididi is not installed for {sys.executable}."
        told = f"{told} Ask the Python that runs your application:"
        return NO_IDIDI, [told, f"{COMMAND}/path/to/python -m ididi_scopefix doctor"]
    if "error" in off:
        return FAILS, [f"ididi can't be examined: {off['error']}"]
    if on is None:
        return WORKS, [f"{ididi} works in every context by itself.", NOT_NEEDED]
    if "error" in on:
        return FAILS, [f"{ididi} can't be examined with the shim: {on['error']}"]
    errors = [error for *_, error in _errors(on["failures"])]
    remaining = [error for error in errors if not _is_about_annotations(error)]
    works = f"every {'other ' if errors else ''}call works."
    switch = f"{_SWITCH}={os.environ.get(_SWITCH)} switches the shim off"
    if on["state"] == "inactive" and not any(map(_is_the_bug, errors)):
        return WORKS, [f"Nothing is wrong here: {on['reason']}", NOT_NEEDED]
    if on["state"] == "inactive":
        cure = f"upgrade ididi to {_releases.AFFECTED.strip('>=')} or newer."
        return FAILS, [f"The shim cannot help with {ididi}: {cure}"]
    if on["state"] == "failed":
        return FAILS, [f"The shim could not patch {ididi}: {on['reason']}"]
    if remaining:
        told = f"{len(remaining)} calls still fail, the first with {remaining[0]!r}."
        return FAILS, [f"With the shim, {told} The shim says: {on['reason']}"]
    if not on["loaded"]:
        told = "only programs that import ididi_scopefix have it."
        told = f"no start-up file is in force here: {told}"
        off_too = [f"{switch} even then: unset it."] if _is_off() else []
        return FAILS, [f"{ididi} needs the shim, and {told}", *TO_START, *off_too]
    if _is_off():
        told = f"{ididi} needs it: unset it and restart the program."
        return FAILS, [f"{switch}, and {told} With the shim, {works}"]
    return WORKS, [f"{ididi} needs the shim, and with it {works}"]


def _about_calls(failures: Findings, calls: list[str]) -> list[str]:
    """Say which calls need the shim, unless all do."""
    if len(calls) == len(failures):
        return []
    names = list(dict.fromkeys(call.partition("(")[0] for call in calls))
    listed = " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    works = any(not any(kinds.values()) for kinds in failures.values())
    return [f"The shim is needed {'only ' if works else ''}for {listed}."]


def _places(
    kinds: set[str], server: Optional[Mapping[str, str]]
) -> tuple[dict[str, Optional[bool]], list[str]]:
    """Tell whether requests and threads need the shim, and say so.

    Args:
        kinds: the kinds of context in which a call needs it.
        server: the uvicorn that is installed. Without one, it is unknown whether
            requests do.
    """
    needed_in: dict[str, Optional[bool]] = {"requests": None}
    needed_in["threads"] = not kinds.isdisjoint(THREADS)
    threads = "do" if needed_in["threads"] else "do not"
    if server is None:
        told = "Requests need it if the server starts them in an empty context"
        return needed_in, [f"{told}; threads {threads}, whatever the server."]
    always = server["empty_contexts"] == "always"
    needed_in["requests"] = ("empty context" if always else "copied context") in kinds
    name = f"Requests on uvicorn {server['version']}"
    if needed_in["requests"]:
        too = "and so do threads" if needed_in["threads"] else "threads do not"
        return needed_in, [f"{name} need it, {too}."]
    told = "if the graph is built in the lifespan or by a request."
    if server["empty_contexts"] == "option":
        told = f"with {UVICORN_OPTION}, or {told}"
    return needed_in, [
        f"{name} do not need it; threads {threads}.",
        f"Requests need it {told}",
    ]


def _errors(failures: Findings) -> Iterator[tuple[str, str, str]]:
    """Yield each call that fails, the kind of context, and the error."""
    for call, kinds in failures.items():
        for kind, error in kinds.items():
            if error is not None:
                yield call, kind, error


def _is_the_bug(error: str) -> bool:
    return error.startswith("LookupError:")


def _is_about_annotations(error: str) -> bool:
    """Tell whether *error* is that of ididi up to 1.8.4 on Python 3.15.

    ididi calls the private ``typing._eval_type``, which has got a new parameter.
    """
    return error.startswith("TypeError: _eval_type() missing")


def uvicorn() -> Optional[dict[str, str]]:
    """Return the version of the installed uvicorn, and when its contexts are empty."""
    try:
        from packaging.version import Version  # doctor says so if it is missing

        version = version_of_distribution("uvicorn")
        since = [each for each in UVICORN if Version(each) <= Version(version)]
    except (ImportError, ValueError):
        return None
    return {"version": version, "empty_contexts": UVICORN[since[-1]]}


def show(as_json: bool) -> int:
    """Examine this interpreter and print the findings; return the exit code."""
    found = diagnose()
    code: int = found["exit_code"]
    if as_json:
        print(json.dumps(found, indent=2))
        return code
    verdict = found["verdict"]
    if found["without_shim"]:
        _print_table(found["without_shim"], found["with_shim"])
        if found["uvicorn"]:
            verdict = [*verdict, ONE_CONNECTION]
    for line in verdict:
        print(line if line.startswith(COMMAND) else _wrapped(line))
    return code


def _wrapped(sentence: str) -> str:
    return textwrap.fill(sentence, 80, break_long_words=False, break_on_hyphens=False)


def _print_table(off: Findings, on: Optional[Findings]) -> None:
    calls = list(off)
    print(f"{'':36}{'without the shim':22}{'with the shim' if on else ''}".rstrip())
    for kind in off[calls[0]]:
        cells = [_cell(found, kind) for found in (off, on) if found]
        print(f"  {kind:34}" + "".join(f"{cell:22}" for cell in cells).rstrip())
    tried = f"Tried in each: {', '.join(calls[:-1])} and an {calls[-1]}."
    print(f"\n{_wrapped(tried)}\n")


def _cell(found: Findings, kind: str) -> str:
    """Return which errors the calls raise in a kind of context, and how many do."""
    errors = [error for kinds in found.values() if (error := kinds[kind]) is not None]
    names = dict.fromkeys(error.partition(":")[0] for error in errors)
    return f"{', '.join(names)} ({len(errors)} of {len(found)})" if errors else "works"

"""``ididi-scopefix doctor``: its findings, its verdict and its exit code."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from ididi_scopefix.command import calls, doctor
from tests import other_releases
from tests.command.asking import SITES, answer, put_ididi, text
from tests.environments import Environment, attempt, clean
from tests.pythons import SYMPTOM, may_inherit_contexts, reads_annotations

if TYPE_CHECKING:
    from pathlib import Path

CALLS = [
    *("scope()", "ascope()", "use_scope()", "use_scope(default)"),
    *("merge()", "entry function"),
]
KINDS = [*calls.KINDS]


@reads_annotations
def test_every_call_is_made_before_and_after(installed: Environment) -> None:
    """Without the shim only copies of the context work, with it everything does."""
    code, report = answer(installed, "doctor")

    before, after = report["without_shim"], report["with_shim"]
    for findings in (before, after):
        assert list(findings) == CALLS
        assert all(list(kinds) == KINDS for kinds in findings.values())
    copied, *others = zip(*(kinds.values() for kinds in before.values()))
    assert copied == (None,) * len(CALLS)
    for kind in others:
        assert all(str(each).startswith(f"LookupError: {SYMPTOM}") for each in kind)
    assert {error for kinds in after.values() for error in kinds.values()} == {None}
    assert (code, report["ok"], report["state"]) == (0, True, "active")
    assert (report["needed"], report["needed_for"]) == (True, CALLS)
    # No uvicorn is installed.
    assert report["needed_in"] == {"requests": None, "threads": True}


@may_inherit_contexts
@reads_annotations
def test_threads_that_inherit_a_context_need_no_shim(installed: Environment) -> None:
    """Doctor measures what this interpreter does."""
    _, report = answer(installed, "doctor", PYTHON_THREAD_INHERIT_CONTEXT="1")

    assert report["needed_in"] == {"requests": None, "threads": False}


@pytest.mark.parametrize(
    ("version", "empty_contexts", "said"),
    [
        ("0.39.0rc1", "never", "do not need it; threads do. Requests need it if the"),
        ("0.39.0", "always", "Requests on uvicorn 0.39.0 need it, and so do threads."),
        ("0.45.0", "option", "Requests need it with --reset-contextvars, or if the"),
    ],
)
@reads_annotations
def test_requests_and_threads_are_told_apart(
    installed: Environment,
    tmp_path: Path,
    version: str,
    empty_contexts: str,
    said: str,
) -> None:
    """It goes by the uvicorn that is installed, and by the calls that were tried."""
    metadata = tmp_path / "uvicorn-0.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: uvicorn\nVersion: {version}\n")
    path = {"PYTHONPATH": str(tmp_path)}

    _, report = answer(installed, "doctor", **path)
    assert report["uvicorn"] == {"version": version, "empty_contexts": empty_contexts}
    requests = empty_contexts == "always"
    assert report["needed_in"] == {"requests": requests, "threads": True}
    told = text(installed, "doctor", **path)
    assert said in told
    # Where one request can find the scope of another, a page says what to do.
    assert "With the shim and without it, a pipelined request or a websocket" in told
    page = 'docs/recipes.md says what to do, under "One connection, one context".'
    assert told.endswith(page)


@pytest.mark.parametrize(
    ("removed", "switch", "code", "said"),
    [
        # Only a release that is not in the table needs it.
        ("packaging", "on", 0, "needs the shim, and with it every call works."),
        ("packaging", "no", 1, "IDIDI_SCOPEFIX=no switches the shim off, and ididi"),
        ("ididi-scopefix.pth", "on", 1, "    ididi-scopefix run PROGRAM"),
        ("ididi-scopefix.pth", "off", 1, "switches the shim off even then: unset it."),
        ("wrapt", "on", 1, "wrapt is missing: python -m pip install wrapt"),
        ("ididi", "on", 2, "    /path/to/python -m ididi_scopefix doctor"),
    ],
)
@reads_annotations
def test_the_verdict_says_what_is_missing(
    copy: Environment, removed: str, switch: str, code: int, said: str
) -> None:
    """Its last words are what to do about it."""
    (copy.packages / removed).rename(copy.folder / removed)

    found, report = answer(copy, "doctor", IDIDI_SCOPEFIX=switch)
    assert found == code
    assert said in " ".join(report["verdict"])


@pytest.mark.parametrize(
    ("changed", "value", "said"),
    [
        ("ididi_scopefix.command.child.TIMEOUT", 0.5, "no answer within"),
        # Embedded Pythons may not know where they are.
        ("sys.executable", "", "can't be started"),
    ],
)
def test_an_interpreter_that_does_not_answer_is_a_failure(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    changed: str,
    value: object,
    said: str,
) -> None:
    """Doctor doesn't wait for ever, and leaves no process behind."""
    source = "import threading; threading.Event().wait()"
    monkeypatch.setenv("PYTHONPATH", put_ididi(tmp_path, source))
    monkeypatch.setattr(changed, value)

    found = doctor.diagnose()
    assert found["exit_code"] == 1
    assert said in found["verdict"][0]


@pytest.mark.parametrize(
    ("version", "code", "needed_for", "verdict"),
    [
        # A later one, in which the bug is gone.
        ("9.0", 0, [], "ididi 9.0 works in every context by itself."),
        ("1.4.2", 0, [], "The shim is not needed."),
        (
            *("1.4.3", 1, []),
            "The shim cannot help with ididi 1.4.3: upgrade ididi to 1.4.4 or newer.",
        ),
        (
            *("1.8.4", 0, ["use_scope()", "use_scope(default)", "merge()"]),
            "The shim is needed only for use_scope and merge.",
        ),
    ],
)
def test_releases_of_ididi_are_told_apart(
    installed: Environment,
    tmp_path: Path,
    version: str,
    code: int,
    needed_for: list[str],
    verdict: str,
) -> None:
    """1.4.2 means what it says, 1.4.3 has no cure here, and 1.8.4 is half fixed."""
    if version == "9.0":
        folder = other_releases.invent(version, tmp_path, *other_releases.FIXED)
    else:
        folder = other_releases.download(version, tmp_path)

    found, report = answer(installed, "doctor", PYTHONPATH=str(folder))
    assert (found, report["needed_for"]) == (code, needed_for)
    assert report["needed"] == bool(needed_for)
    assert verdict in report["verdict"]


def test_annotations_that_ididi_can_not_read_are_said(installed: Environment) -> None:
    """On Python 3.15 the scope calls work, and entry functions can't."""
    path = str(SITES / "like_3_15")

    code, report = answer(installed, "doctor", PYTHONPATH=path)
    assert code == 1
    assert "with it every other call works" in report["verdict"][0]
    needed = "The shim is needed for scope, ascope, use_scope and merge."
    assert needed in report["verdict"]
    assert "is ididi's own error, which is not cured here" in report["verdict"][-1]
    (trouble,) = {*report["with_shim"]["entry function"].values()}
    assert trouble.startswith("TypeError: _eval_type() missing 1 required")
    assert report["needed_for"] == CALLS[:-1]


@reads_annotations
def test_neither_prints_nor_the_current_folder_disturb(
    installed: Environment, tmp_path: Path
) -> None:
    """A sitecustomize may greet, and a program's path does not have the folder."""
    path = str(SITES / "greeting")
    for name in ("ididi.py", "asyncio.py"):
        (tmp_path / name).write_text("raise ValueError", encoding="utf-8")

    finished = attempt(installed.command, "doctor", folder=tmp_path, PYTHONPATH=path)
    assert finished.returncode == 0
    assert finished.stdout.startswith("hello\n ")


@pytest.mark.skipif(os.name != "posix", reason="needs named pipes")
def test_an_interrupt_ends_doctor_and_what_it_has_started(
    installed: Environment, tmp_path: Path
) -> None:
    """There is no traceback, and the exit code is the one that shells give."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    # The child holds the pipe open for as long as it lives.
    source = f"pipe = open({str(fifo)!r}, 'wb')\nimport threading\n"
    source += "pipe.write(b'here'); pipe.flush(); threading.Event().wait()"
    options: dict[str, Any] = {
        "env": clean(PYTHONPATH=put_ididi(tmp_path, source)),
        "stderr": subprocess.PIPE,
        # A shell that runs this suite in the background has it ignored.
        "preexec_fn": lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    }
    with subprocess.Popen([installed.command, "doctor"], **options) as process:
        assert process.stderr is not None
        with open(fifo, "rb") as pipe:
            assert pipe.read(4) == b"here"
            process.send_signal(signal.SIGINT)
            assert pipe.read() == b""
        assert process.stderr.read() == b""
    assert process.returncode == 130

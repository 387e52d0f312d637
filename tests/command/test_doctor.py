"""``ididi-scopefix doctor``: its findings, its verdict and its exit code."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ididi_scopefix.command import child, doctor
from tests import other_releases
from tests.command.asking import (
    CALLS,
    KINDS,
    answer,
    put_ididi,
    put_sitecustomize,
    text,
)
from tests.environments import Environment, attempt, clean
from tests.pythons import (
    SYMPTOM,
    may_inherit_contexts,
    reads_annotations,
)

if TYPE_CHECKING:
    from pathlib import Path


def _errors(findings: dict[str, dict[str, str | None]]) -> list[str | None]:
    return [error for kinds in findings.values() for error in kinds.values()]


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
    assert _errors(after) == [None] * len(CALLS) * len(KINDS)
    assert (code, report["ok"], report["state"]) == (0, True, "active")
    assert (report["needed"], report["needed_for"]) == (True, CALLS)


@reads_annotations
def test_a_person_gets_a_table_and_a_verdict(installed: Environment) -> None:
    """In few words, and in ASCII."""
    finished = attempt(installed.command, "doctor")

    table, tried, verdict = finished.stdout.split("\n\n")
    title, *lines = table.splitlines()
    assert title.split("  ")[-1].strip() == "with the shim"
    assert [line[2:34].strip() for line in lines] == KINDS
    assert [line.split()[-1] for line in lines] == ["works"] * len(KINDS)
    assert tried.replace("\n", " ").startswith("Tried in each: scope(), ascope(), ")
    assert "needs the shim, and with it every call works." in verdict
    assert finished.stdout.isascii()
    assert finished.returncode == 0


@may_inherit_contexts
@reads_annotations
def test_threads_that_inherit_a_context_need_no_shim(installed: Environment) -> None:
    """Doctor measures what this interpreter does."""
    _, report = answer(installed, "doctor", PYTHON_THREAD_INHERIT_CONTEXT="1")

    assert report["needed_in"] == {"requests": None, "threads": False}


@pytest.mark.parametrize(
    ("version", "requests", "said"),
    [
        ("0.39.0", True, "Requests on uvicorn 0.39.0 need it, and so do threads."),
        pytest.param(
            *("0.54.0", False),
            "Requests on uvicorn 0.54.0 do not need it; threads do. Requests need it"
            " with --reset-contextvars, or if the graph is built in the lifespan",
            marks=pytest.mark.skipif(
                sys.version_info < (3, 10), reason="it needs Python 3.10"
            ),
        ),
    ],
)
@reads_annotations
def test_requests_and_threads_are_told_apart(
    installed: Environment, tmp_path: Path, version: str, requests: bool, said: str
) -> None:
    """By the uvicorn that is installed, and by the calls that were tried."""
    options = ("--quiet", "--no-deps", "--target", str(tmp_path))
    installed.pip("install", *options, f"uvicorn=={version}")
    path = {"PYTHONPATH": str(tmp_path)}

    _, report = answer(installed, "doctor", **path)
    assert report["needed_in"] == {"requests": requests, "threads": True}
    finished = attempt(installed.command, "doctor", **path)
    told = " ".join(finished.stdout.split())
    assert said in told
    # Where one request can find the scope of another, a page says what to do.
    assert "With the shim and without it, a pipelined request or a websocket" in told
    page = 'docs/recipes.md says what to do, under "One connection, one context".'
    assert told.endswith(page)


@pytest.mark.parametrize(
    ("version", "when"),
    [
        ("0.dev1", "never"),
        ("0.38.0", "never"),
        ("0.39.0rc1", "never"),
        ("0.39.0", "always"),
        ("0.44.0.post1", "always"),
        ("0.45.0", "option"),
        ("1.0", "option"),
        ("odd", None),
    ],
)
def test_releases_of_uvicorn_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, when: str | None
) -> None:
    """By when they start a request in an empty context."""
    metadata = tmp_path / f"uvicorn-{version}.dist-info"
    metadata.mkdir()
    text = f"Metadata-Version: 2.1\nName: uvicorn\nVersion: {version}\n"
    (metadata / "METADATA").write_text(text, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    expected = {"version": version, "empty_contexts": when}
    assert doctor.uvicorn() == (expected if when else None)


@reads_annotations
def test_a_switch_that_is_off_is_a_failure(installed: Environment) -> None:
    """Doctor shows what the shim would do, and says what to unset."""
    code, report = answer(installed, "doctor", IDIDI_SCOPEFIX="no")

    assert code == 1
    assert report["verdict"][0].startswith("IDIDI_SCOPEFIX=no switches the shim off")
    assert report["verdict"][0].endswith("With the shim, every call works.")
    assert _errors(report["with_shim"]) == [None] * len(CALLS) * len(KINDS)
    assert report["needed"]


@reads_annotations
def test_a_missing_start_up_file_is_a_failure(copy: Environment) -> None:
    """Only programs that import the package have the shim."""
    (copy.packages / "ididi-scopefix.pth").unlink()
    module = (copy.python, "-m", "ididi_scopefix")

    finished = attempt(*module, "doctor")
    assert finished.returncode == 1
    assert "no start-up file is in force here: only programs that" in " ".join(
        finished.stdout.split()
    )
    # What is to be typed is on one line.
    assert f"install ididi-scopefix for {copy.python}, " in finished.stdout.replace(
        "\n", " "
    )
    assert "    ididi-scopefix run PROGRAM" in finished.stdout.splitlines()
    _, report = answer(copy, "doctor", IDIDI_SCOPEFIX="off")
    off = "IDIDI_SCOPEFIX=off switches the shim off even then: unset it."
    assert off in report["verdict"]
    assert attempt(*module, "run", *module, "doctor").returncode == 0


@pytest.mark.parametrize("missing", ["wrapt", "packaging"])
def test_a_missing_requirement_is_said(copy: Environment, missing: str) -> None:
    """Without wrapt nothing is patched; packaging is for unknown releases only."""
    shutil.rmtree(copy.packages / missing)

    code, report = answer(copy, "doctor")
    if missing == "wrapt":
        assert (code, report["state"]) == (1, "failed")
        assert report["verdict"][0].startswith("The shim could not patch ididi")
        assert "wrapt is missing: python -m pip install wrapt" in report["verdict"][0]
    else:
        assert (code, report["state"]) == (0, "active")


def test_an_ididi_that_is_not_installed_is_exit_code_2(copy: Environment) -> None:
    """Most likely it is the wrong interpreter."""
    shutil.rmtree(copy.packages / "ididi")

    finished = attempt(copy.python, "-m", "ididi_scopefix", "doctor")
    assert finished.returncode == 2
    *sentence, command = finished.stdout.splitlines()
    assert " ".join(sentence).startswith("ididi is not installed for ")
    assert command == "    /path/to/python -m ididi_scopefix doctor"


def test_an_ididi_that_only_this_process_finds_is_said(
    copy: Environment, tmp_path: Path
) -> None:
    """As in a PEX on Python 3.9, where a child can't be started like the program."""
    shutil.move(copy.packages / "ididi", tmp_path / "ididi")
    command = (copy.python, "-m", "ididi_scopefix", "doctor")

    finished = attempt(*command, folder=tmp_path)
    assert finished.returncode == 1
    assert "PEX or shiv program" in " ".join(finished.stdout.split())


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ValueError('broken')", "ValueError: broken"),
        ("import a_missing_module", "No module named 'a_missing_module'"),
        ("import os; os._exit(3)", "exit code 3"),
        ("raise SystemExit('leaving')", "leaving"),
    ],
)
def test_an_ididi_that_can_not_be_imported_is_a_failure(
    installed: Environment, tmp_path: Path, source: str, said: str
) -> None:
    """Also one that takes its interpreter down."""
    path = put_ididi(tmp_path, source)

    code, report = answer(installed, "doctor", PYTHONPATH=path)
    assert code == 1
    assert said in report["verdict"][0]
    assert (report["needed"], report["needed_for"]) == (None, [])


def test_a_child_that_does_not_answer_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Doctor doesn't wait for ever, and leaves no process behind."""
    source = "import threading; threading.Event().wait()"
    monkeypatch.setenv("PYTHONPATH", put_ididi(tmp_path, source))
    monkeypatch.setattr(child, "TIMEOUT", 0.5)

    found = doctor.diagnose()
    assert found["exit_code"] == 1
    assert "no answer within" in found["verdict"][0]


def test_an_interpreter_that_can_not_be_started_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Embedded Pythons may not know where they are."""
    monkeypatch.setattr(sys, "executable", "")

    assert doctor.diagnose()["exit_code"] == 1


@pytest.mark.parametrize(
    ("version", "code", "verdict"),
    [
        (
            "1.4.3",
            1,
            ["The shim cannot help with ididi 1.4.3: upgrade ididi to 1.4.4 or newer."],
        ),
        ("1.4.2", 0, ["Nothing is wrong here: ididi 1.4.2", "The shim is not needed."]),
    ],
)
def test_releases_below_the_range_are_told_apart(
    installed: Environment, tmp_path: Path, version: str, code: int, verdict: list[str]
) -> None:
    """1.4.3 has the symptom and no cure here; 1.4.2 means what it says."""
    folder = other_releases.download(version, tmp_path)

    found, report = answer(installed, "doctor", PYTHONPATH=str(folder))
    assert found == code
    assert report["needed"] is False
    assert len(report["verdict"]) == len(verdict)
    for said, begin in zip(report["verdict"], verdict):
        assert said.startswith(begin)


def test_a_release_with_a_guard_needs_the_shim_for_some_calls(
    installed: Environment, tmp_path: Path
) -> None:
    """So one knows when to remove it."""
    folder = other_releases.download("1.8.4", tmp_path)

    code, report = answer(installed, "doctor", PYTHONPATH=str(folder))
    assert report["needed_for"] == ["use_scope()", "use_scope(default)", "merge()"]
    assert "The shim is needed only for use_scope and merge." in report["verdict"]
    assert code == 0
    told = text(installed, "doctor", PYTHONPATH=str(folder))
    assert "LookupError (3 of 6) works" in told


@reads_annotations
def test_a_release_that_is_fixed_needs_nothing(
    installed: Environment, tmp_path: Path
) -> None:
    """A later one, in which the bug is gone."""
    folder = other_releases.invent("9.0", tmp_path, *other_releases.FIXED)

    code, report = answer(installed, "doctor", PYTHONPATH=str(folder))
    assert (code, report["needed"], report["with_shim"]) == (0, False, None)
    assert report["verdict"] == [
        "ididi 9.0 works in every context by itself.",
        "The shim is not needed.",
    ]


def test_a_version_that_can_not_be_read_is_a_failure(
    installed: Environment, tmp_path: Path
) -> None:
    """The shim didn't dare to patch it, and doctor says why."""
    folder = other_releases.invent("garbage", tmp_path)

    code, report = answer(installed, "doctor", PYTHONPATH=str(folder))
    assert (code, report["state"]) == (1, "failed")
    assert "PEP 440" in report["verdict"][0]


LIKE_3_15 = """
import sys, typing

def _eval_type(t, globalns, localns, type_params):
    return original(t, globalns, localns)

def evaluate(*arguments, **options):
    caller = sys._getframe(1).f_globals["__name__"]
    ours = caller.startswith("ididi.")
    return (_eval_type if ours else original)(*arguments, **options)

original, typing._eval_type = typing._eval_type, evaluate
"""
"""A sitecustomize that makes typing refuse ididi's calls, as Python 3.15 does."""


def test_annotations_that_ididi_can_not_read_are_said(
    installed: Environment, tmp_path: Path
) -> None:
    """As on Python 3.15: the scope calls work, and entry functions can't."""
    path = put_sitecustomize(tmp_path, LIKE_3_15)

    code, report = answer(installed, "doctor", PYTHONPATH=path)
    assert code == 1
    assert "with it every other call works" in report["verdict"][0]
    assert (
        "The shim is needed for scope, ascope, use_scope and merge."
        in (report["verdict"])
    )
    assert "is ididi's own error, which is not cured here" in report["verdict"][-1]
    (trouble,) = {*report["with_shim"]["entry function"].values()}
    assert trouble.startswith("TypeError: _eval_type() missing 1 required")
    assert report["needed_for"] == CALLS[:-1]


@reads_annotations
def test_neither_prints_nor_the_current_folder_disturb(
    installed: Environment, tmp_path: Path
) -> None:
    """A sitecustomize may greet, and a program's path does not have the folder."""
    path = put_sitecustomize(tmp_path / "greeting", "print('hello')\n")
    for name in ("ididi.py", "asyncio.py"):
        (tmp_path / name).write_text("raise ValueError", encoding="utf-8")

    finished = attempt(installed.command, "doctor", folder=tmp_path, PYTHONPATH=path)
    assert finished.returncode == 0
    assert finished.stdout.startswith("hello\n ")


@pytest.mark.skipif(os.name != "posix", reason="needs named pipes")
def test_an_interrupt_ends_doctor_and_what_it_has_started(
    installed: Environment, tmp_path: Path
) -> None:
    """Without a traceback, with the exit code that shells give."""
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

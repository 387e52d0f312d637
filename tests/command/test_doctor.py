"""``ididi-scopefix doctor``: its findings, its verdict and its exit code."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from ididi_scopefix.command import child, doctor, known_releases
from tests import other_releases
from tests.environments import LIKE_3_18, Environment, attempt, clean
from tests.pythons import (
    EMPTY_THREADS,
    IS_FREE_THREADED,
    IS_PYPY,
    SYMPTOM,
    may_inherit_contexts,
    reads_annotations,
)

if TYPE_CHECKING:
    from pathlib import Path

EVERY_CALL = [
    "scope()",
    "ascope()",
    "use_scope()",
    "use_scope(default)",
    "merge()",
    "entry function",
]
CALLS = len(EVERY_CALL)
KINDS = 4


def _doctor(environment: Environment, **variables: str) -> tuple[int, Any]:
    """Return the exit code and the report for programs."""
    command = (environment.python, "-m", "ididi_scopefix", "doctor", "--json")
    finished = attempt(*command, **{**EMPTY_THREADS, **variables})
    assert finished.stderr == ""
    return finished.returncode, json.loads(finished.stdout)


def _errors(findings: dict[str, dict[str, str | None]]) -> list[str | None]:
    return [error for kinds in findings.values() for error in kinds.values()]


def _put_ididi(folder: Path, source: str) -> str:
    """Put a package of that name into *folder*; return the folder."""
    (folder / "ididi").mkdir()
    (folder / "ididi" / "__init__.py").write_text(source, encoding="utf-8")
    return str(folder)


@reads_annotations
def test_every_call_fails_without_the_shim_and_works_with_it(
    installed: Environment,
) -> None:
    """In every kind of context: that is the proof."""
    code, report = _doctor(installed)

    before, after = _errors(report["without_shim"]), _errors(report["with_shim"])
    assert len(before) == len(after) == CALLS * KINDS
    assert all(str(error).startswith(f"LookupError: {SYMPTOM}") for error in before)
    assert after == [None] * CALLS * KINDS
    assert (code, report["ok"], report["state"]) == (0, True, "active")


@may_inherit_contexts
@reads_annotations
def test_threads_that_inherit_a_context_need_no_shim(installed: Environment) -> None:
    """Doctor measures what this interpreter does."""
    _, report = _doctor(installed, PYTHON_THREAD_INHERIT_CONTEXT="1")

    for kinds in report["without_shim"].values():
        works = {kind for kind, error in kinds.items() if error is None}
        assert works == {"new thread with a new event loop", "thread-pool thread"}


@reads_annotations
def test_a_person_gets_two_tables_and_a_verdict(installed: Environment) -> None:
    """Before, after, and what it means."""
    finished = attempt(installed.command, "doctor", **EMPTY_THREADS)

    before, after, verdict = finished.stdout.split("\n\n")
    assert before.startswith("without the shim")
    assert before.count("LookupError") == CALLS * KINDS
    assert after.startswith("with the shim")
    assert after.count("works") == CALLS * KINDS
    assert "needs the shim, and with it every call works." in verdict
    assert finished.stdout.isascii()
    assert finished.returncode == 0


@reads_annotations
def test_a_switch_that_is_off_while_it_is_needed_is_a_failure(
    installed: Environment,
) -> None:
    """Doctor shows what the shim would do, and says what to unset."""
    code, report = _doctor(installed, IDIDI_SCOPEFIX="no")

    assert code == 1
    assert "IDIDI_SCOPEFIX=no switches it off" in report["verdict"][0]
    assert _errors(report["with_shim"]) == [None] * CALLS * KINDS


def test_without_a_start_up_file_programs_are_not_cured(copy: Environment) -> None:
    """Only those that import the package: doctor says how to reach the others."""
    (copy.packages / "ididi-scopefix.pth").unlink()

    code, report = _doctor(copy)
    assert code == 1
    assert "no start-up file is in force" in report["verdict"][0]
    assert all(_errors(report["with_shim"]))


@reads_annotations
def test_under_run_doctor_is_content(copy: Environment) -> None:
    """Where no start-up file is in force but the program is run by the shim."""
    (copy.packages / "ididi-scopefix.pth").unlink()
    module = (copy.python, "-m", "ididi_scopefix")

    assert attempt(*module, "run", *module, "doctor").returncode == 0


@pytest.mark.parametrize("missing", ["wrapt", "packaging"])
def test_a_missing_requirement_is_a_failure_with_its_cure(
    copy: Environment, missing: str
) -> None:
    """The reason is the one in the status."""
    shutil.rmtree(copy.packages / missing)

    code, report = _doctor(copy)
    assert (code, report["state"]) == (1, "failed")
    assert "pip install" in report["verdict"][0]


def test_an_ididi_that_is_not_installed_is_exit_code_2(copy: Environment) -> None:
    """Most likely it is the wrong interpreter."""
    shutil.rmtree(copy.packages / "ididi")

    code, report = _doctor(copy)
    assert code == 2
    assert copy.python in report["verdict"][0]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ValueError('broken')", "ValueError: broken"),
        ("import a_missing_module", "No module named 'a_missing_module'"),
        ("import os; os._exit(3)", "exit code 3"),
        # Windows has no signals: the number becomes the exit code.
        (
            "import os; os.kill(os.getpid(), 9)",
            f"exit code {9 if os.name == 'nt' else -9}",
        ),
        ("raise SystemExit('leaving')", "leaving"),
    ],
)
def test_an_ididi_that_can_not_be_imported_is_a_failure(
    installed: Environment, tmp_path: Path, source: str, said: str
) -> None:
    """Also one that takes its interpreter down."""
    code, report = _doctor(installed, PYTHONPATH=_put_ididi(tmp_path, source))

    assert code == 1
    assert said in report["verdict"][0]


def test_a_child_that_does_not_answer_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Doctor doesn't wait for ever, and leaves no process behind."""
    source = "import threading; threading.Event().wait()"
    monkeypatch.setenv("PYTHONPATH", _put_ididi(tmp_path, source))
    monkeypatch.setattr(child, "TIMEOUT", 0.5)

    diagnosis = doctor.diagnose()
    assert diagnosis.code == 1
    assert "no answer within" in diagnosis.verdict[0]


def test_an_interpreter_that_can_not_be_started_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Embedded Pythons may not know where they are."""
    monkeypatch.setattr(sys, "executable", "")

    assert doctor.diagnose().code == 1


@pytest.mark.parametrize(
    ("version", "code", "said"),
    [("1.4.2", 0, "by design"), ("1.4.3", 1, "upgrade to 1.4.4 or newer")],
)
def test_releases_below_the_range_are_told_apart(
    installed: Environment, tmp_path: Path, version: str, code: int, said: str
) -> None:
    """1.4.3 has the symptom and no cure here; 1.4.2 means what it says."""
    folder = other_releases.download(version, tmp_path)

    assert _doctor(installed, PYTHONPATH=str(folder))[0] == code
    finished = attempt(installed.command, "doctor", PYTHONPATH=str(folder))
    assert said in " ".join(finished.stdout.split())


@reads_annotations
def test_a_release_that_is_not_affected_needs_nothing(
    installed: Environment, tmp_path: Path
) -> None:
    """A later one, in which the bug is fixed."""
    folder = other_releases.invent("9.0", tmp_path, *other_releases.FIXED)

    code, report = _doctor(installed, PYTHONPATH=str(folder))
    assert code == 0
    assert "answers in every context by itself" in report["verdict"][0]
    assert report["with_shim"] is None


def test_a_version_that_can_not_be_read_is_a_failure(
    installed: Environment, tmp_path: Path
) -> None:
    """The shim didn't dare to patch it, and doctor says why."""
    folder = other_releases.invent("garbage", tmp_path)

    code, report = _doctor(installed, PYTHONPATH=str(folder))
    assert (code, report["state"]) == (1, "failed")
    assert "PEP 440" in report["verdict"][0]


@pytest.mark.parametrize(
    ("version", "when"),
    [
        ("0.dev1", "never"),
        ("0.30.0", "never"),
        ("0.38.0", "never"),
        ("0.39.0rc1", "never"),
        ("0.39.0", "always"),
        ("0.40.0", "always"),
        ("0.44.0", "always"),
        ("0.44.0.post1", "always"),
        ("0.45.0", "option"),
        ("0.54.0", "option"),
        ("1.0", "option"),
    ],
)
def test_uvicorns_releases_are_told_apart(version: str, when: str) -> None:
    """By when they start a request in an empty context."""
    assert known_releases.empty_contexts(version) == when


SHARED = "a request can see the scope of the one before on its connection"


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("0.38.0", [f"starts no request in an empty context: {SHARED}"]),
        (
            "0.40.0",
            [
                "starts every request in an empty context",
                "With the shim, requests are isolated from each other",
                "pipelined ones only with --http h11; websockets are not",
            ],
        ),
        (
            "0.54.0",
            [
                "only with --reset-contextvars",
                "With --reset-contextvars and the shim, requests are isolated",
                f"websockets are not; without --reset-contextvars, {SHARED}",
            ],
        ),
    ],
)
def test_doctor_says_whether_requests_are_isolated_by_the_installed_uvicorn(
    installed: Environment, tmp_path: Path, version: str, said: list[str]
) -> None:
    """With the shim and empty contexts they are; else they share a scope."""
    text = " ".join(_doctor_with_uvicorn(installed, tmp_path, version).split())

    assert f"uvicorn {version} " in text
    for words in said:
        assert words in text
    assert (SHARED in text) == (version != "0.40.0")


def test_doctor_says_nothing_about_a_uvicorn_whose_version_can_not_be_read(
    installed: Environment, tmp_path: Path
) -> None:
    """It would be a guess."""
    assert "uvicorn" not in _doctor_with_uvicorn(installed, tmp_path, "odd")


def _doctor_with_uvicorn(installed: Environment, folder: Path, version: str) -> str:
    """Return what doctor prints where that release of uvicorn is installed."""
    metadata = folder / f"uvicorn-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: uvicorn\nVersion: {version}\n",
        encoding="utf-8",
    )
    finished = attempt(installed.command, "doctor", PYTHONPATH=str(folder))
    return " ".join(finished.stdout.split())


@reads_annotations
def test_what_others_print_does_not_disturb_the_report(
    installed: Environment, tmp_path: Path
) -> None:
    """A sitecustomize that greets is nothing unusual."""
    greeting = "print('hello')\n"
    (tmp_path / "sitecustomize.py").write_text(greeting, encoding="utf-8")
    variables = {"PYTHONPATH": str(tmp_path)}

    finished = attempt(installed.command, "doctor", **variables)
    assert finished.returncode == 0
    assert finished.stdout.startswith("hello\nwithout the shim")


@reads_annotations
def test_the_folder_that_one_is_in_does_not_matter(
    installed: Environment, tmp_path: Path
) -> None:
    """A program's path doesn't have it either."""
    (tmp_path / "ididi.py").write_text("raise ValueError", encoding="utf-8")
    (tmp_path / "asyncio.py").write_text("raise ValueError", encoding="utf-8")

    finished = subprocess.run(
        [installed.command, "doctor"], env=clean(), cwd=tmp_path, check=False
    )
    assert finished.returncode == 0


@pytest.mark.parametrize(
    ("release", "needed_for", "said"),
    [
        pytest.param(
            *("1.8.2", EVERY_CALL, "The shim is needed for every call."),
            marks=reads_annotations,
        ),
        pytest.param(
            *("1.5.4", EVERY_CALL, "The shim is needed for every call."),
            marks=pytest.mark.skipif(
                IS_PYPY or IS_FREE_THREADED or sys.version_info >= (3, 14),
                reason="1.5.x is compiled for CPython up to 3.13, with the GIL",
            ),
        ),
        (
            "1.8.4",
            ["use_scope()", "use_scope(default)", "merge()"],
            "The shim is needed only for use_scope and merge.",
        ),
        ("1.4.2", [], "The shim is not needed."),
        ("1.4.3", [], "The shim is not needed, since it can't help here."),
        ("fixed", [], "The shim is not needed."),
    ],
)
def test_doctor_says_for_which_calls_the_shim_is_needed(
    installed: Environment,
    tmp_path: Path,
    release: str,
    needed_for: list[str],
    said: str,
) -> None:
    """In words, and for programs: so one knows when to remove it."""
    if release == "fixed":
        folder = other_releases.invent("9.0", tmp_path, *other_releases.FIXED)
    else:
        folder = other_releases.download(release, tmp_path)

    _, report = _doctor(installed, PYTHONPATH=str(folder))
    assert report["needed"] is bool(needed_for)
    assert report["needed_for"] == needed_for
    assert said in report["verdict"]
    text = attempt(installed.command, "doctor", PYTHONPATH=str(folder)).stdout
    assert said in text.splitlines()


@reads_annotations
def test_the_shim_is_needed_where_it_is_switched_off_or_not_started(
    copy: Environment,
) -> None:
    """Needed is what ididi lacks, not what is installed."""
    _, report = _doctor(copy, IDIDI_SCOPEFIX="0")
    assert report["needed_for"] == EVERY_CALL
    (copy.packages / "ididi-scopefix.pth").unlink()
    _, report = _doctor(copy)
    assert report["needed_for"] == EVERY_CALL
    shutil.rmtree(copy.packages / "wrapt")
    _, report = _doctor(copy)
    assert report["needed_for"] == EVERY_CALL


def test_whether_the_shim_is_needed_is_unknown_if_ididi_can_not_be_examined(
    installed: Environment, tmp_path: Path
) -> None:
    """Neither yes nor no."""
    folder = _put_ididi(tmp_path, "raise ValueError")

    _, report = _doctor(installed, PYTHONPATH=folder)
    assert (report["needed"], report["needed_for"]) == (None, [])


def test_annotations_that_ididi_can_not_read_are_another_trouble(
    installed: Environment, tmp_path: Path
) -> None:
    """As on Python 3.15: the scope calls work, and entry functions can't."""
    (tmp_path / "sitecustomize.py").write_text(LIKE_3_15, encoding="utf-8")

    code, report = _doctor(installed, PYTHONPATH=str(tmp_path))
    before, after = report["without_shim"], report["with_shim"]
    (trouble,) = {*before["entry function"].values(), *after["entry function"].values()}
    assert trouble.startswith("TypeError: _eval_type() missing 1 required")
    assert str(before["scope()"]["empty context"]).startswith("LookupError")
    assert _errors({**after, "entry function": {}}) == [None] * (CALLS - 1) * KINDS
    assert code == 1
    assert "with it every other call works" in report["verdict"][0]
    assert "ididi's own error, which is not cured here" in report["verdict"][1]
    assert report["needed_for"] == EVERY_CALL[:-1]
    assert (
        "The shim is needed for scope, ascope, use_scope and merge."
        in (report["verdict"])
    )


def test_a_release_that_is_fixed_but_can_not_read_annotations_is_a_failure(
    installed: Environment, tmp_path: Path
) -> None:
    """The shim isn't needed there, and can't help."""
    folder = other_releases.invent("9.0", tmp_path, *other_releases.FIXED)
    (tmp_path / "sitecustomize.py").write_text(LIKE_3_15, encoding="utf-8")

    code, report = _doctor(installed, PYTHONPATH=str(folder))
    assert (code, report["needed"]) == (1, False)
    assert "answers in every context by itself" in report["verdict"][0]
    assert "ididi's own error, which is not cured here" in report["verdict"][1]


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


def test_import_lines_that_python_ignores_are_named(
    installed: Environment, tmp_path: Path
) -> None:
    """From Python 3.18 on the .pth has no effect; doctor says what has one."""
    (tmp_path / "sitecustomize.py").write_text(LIKE_3_18, encoding="utf-8")

    code, report = _doctor(installed, PYTHONPATH=str(tmp_path))
    assert code == 1
    assert "no start-up file is in force here" in report["verdict"][0]
    assert "Python 3.18 and newer ignore import lines" in report["verdict"][1]
    assert "import ididi_scopefix in the program" in report["verdict"][1]


@reads_annotations
def test_a_switch_that_is_off_is_named_where_no_start_up_file_is_in_force(
    copy: Environment,
) -> None:
    """A program that imports the shim has to be without the switch as well."""
    (copy.packages / "ididi-scopefix.pth").unlink()
    told = "IDIDI_SCOPEFIX=off switches the shim off even then: unset it."

    code, report = _doctor(copy, IDIDI_SCOPEFIX="off")
    assert code == 1
    assert "no start-up file is in force here" in report["verdict"][0]
    assert told in report["verdict"]
    _, report = _doctor(copy)
    assert not [sentence for sentence in report["verdict"] if "unset" in sentence]


posix = pytest.mark.skipif(os.name != "posix", reason="needs modes of POSIX")


@posix
@pytest.mark.parametrize(
    ("unreadable", "mode"),
    [
        ("ididi_scopefix", 0o700),
        ("ididi_scopefix/__init__.py", 0o600),
        ("ididi-scopefix.pth", 0o640),
        ("wrapt", 0o750),
    ],
)
def test_a_shim_that_the_service_can_not_read_is_a_failure(
    copy: Environment, unreadable: str, mode: int
) -> None:
    """Python would start the service without it, and say nothing."""
    path = copy.packages / unreadable
    path.chmod(mode)

    code, report = _doctor(copy)
    assert code == 1
    line = report["verdict"][-1]
    assert f"Other users can read ididi but not {path} (mode {mode:04o})" in line
    assert f"chmod -R o+rX {path}" in line


@posix
def test_members_of_a_group_are_users_too(copy: Environment) -> None:
    """Where only they can read ididi."""
    (copy.packages / "ididi").chmod(0o750)
    shim = copy.packages / "ididi_scopefix"
    shim.chmod(0o705)

    code, report = _doctor(copy)
    assert code == 1
    group = shim.stat().st_gid
    assert (
        f"Members of group {group} can read ididi but not {shim}"
        in (report["verdict"][-1])
    )
    assert f"chmod -R g+rX {shim}" in report["verdict"][-1]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="only root installs for others",
)
def test_a_shim_in_a_folder_of_its_own_has_to_be_reachable(
    copy: Environment, tmp_path: Path
) -> None:
    """Making somebody's home readable would be no advice."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.move(copy.packages / "ididi_scopefix", home / "ididi_scopefix")
    (copy.packages / "home.pth").write_text(f"{home}\n", encoding="utf-8")
    home.chmod(0o700)

    code, report = _doctor(copy)
    assert code == 1
    assert f"not {home} (mode 0700)" in report["verdict"][-1]
    assert "install it where ididi is" in report["verdict"][-1]


@posix
@reads_annotations
def test_an_ididi_that_others_can_not_read_either_is_no_failure(
    copy: Environment,
) -> None:
    """Whoever runs the service can read both, or neither."""
    for name in ("ididi", "ididi_scopefix"):
        (copy.packages / name).chmod(0o700)

    assert _doctor(copy)[0] == 0


@pytest.mark.parametrize("value", ["disabled", "none", "n", "00"])
@reads_annotations
def test_doctor_says_that_a_value_of_the_switch_is_unknown(
    installed: Environment, value: str
) -> None:
    """The shim is on then, and whoever set it may have meant off."""
    code, report = _doctor(installed, IDIDI_SCOPEFIX=value)

    said = f"IDIDI_SCOPEFIX={value!r} is unknown, so the shim is on"
    assert [line for line in report["verdict"] if said in line]
    assert code == 0


@pytest.mark.skipif(os.name != "posix", reason="needs a terminal of POSIX")
@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "xterm", "NO_COLOR": "1"}, False),
        ({"TERM": "xterm", "NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
    ],
)
def test_a_terminal_gets_colours_unless_its_user_does_not_want_them(
    copy: Environment, variables: dict[str, str], coloured: bool
) -> None:
    """And nothing else does."""
    import pty

    shutil.rmtree(copy.packages / "ididi")
    command = [copy.python, "-m", "ididi_scopefix", "doctor"]
    assert "\033" not in attempt(*command, **variables).stdout

    reading, writing = pty.openpty()
    try:
        subprocess.run(command, env=clean(**variables), stdout=writing, check=False)
        shown = os.read(reading, 10_000)
    finally:
        os.close(writing)
        os.close(reading)
    assert (b"\033[" in shown) == coloured


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
    variables = clean(PYTHONPATH=_put_ididi(tmp_path, source))
    with subprocess.Popen(
        [installed.command, "doctor"],
        env=variables,
        stderr=subprocess.PIPE,
        # A shell that runs this suite in the background has it ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    ) as process:
        assert process.stderr is not None
        with open(fifo, "rb") as pipe:
            assert pipe.read(4) == b"here"
            process.send_signal(signal.SIGINT)
            assert pipe.read() == b""
        assert process.stderr.read() == b""
    assert process.returncode == 130

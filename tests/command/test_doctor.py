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

from ididi_scopefix import doctor, releases
from tests import other_releases
from tests.environments import Environment, attempt, clean

if TYPE_CHECKING:
    from pathlib import Path

CALLS = 6
PLACES = 4


def _doctor(environment: Environment, **variables: str) -> tuple[int, Any]:
    """Return the exit code and the report for programs."""
    command = (environment.python, "-m", "ididi_scopefix", "doctor", "--json")
    finished = attempt(*command, **variables)
    assert finished.stderr == ""
    return finished.returncode, json.loads(finished.stdout)


def _errors(findings: dict[str, dict[str, str | None]]) -> list[str | None]:
    return [error for places in findings.values() for error in places.values()]


def _put_ididi(folder: Path, source: str) -> str:
    """Put a package of that name into *folder*; return the folder."""
    (folder / "ididi").mkdir()
    (folder / "ididi" / "__init__.py").write_text(source, encoding="utf-8")
    return str(folder)


def test_every_call_fails_without_the_shim_and_works_with_it(
    installed: Environment,
) -> None:
    """In every place: that is the proof."""
    code, report = _doctor(installed)

    before, after = _errors(report["without_shim"]), _errors(report["with_shim"])
    assert len(before) == len(after) == CALLS * PLACES
    assert all(str(error).startswith("LookupError: <ContextVar") for error in before)
    assert after == [None] * CALLS * PLACES
    assert (code, report["ok"], report["state"]) == (0, True, "active")


def test_a_person_gets_two_tables_and_a_verdict(installed: Environment) -> None:
    """Before, after, and what it means."""
    finished = attempt(installed.command, "doctor")

    before, after, verdict = finished.stdout.split("\n\n")
    assert before.startswith("without the shim")
    assert before.count("LookupError") == CALLS * PLACES
    assert after.startswith("with the shim")
    assert after.count("works") == CALLS * PLACES
    assert "needs the shim, and with it every call works." in verdict
    assert finished.stdout.isascii()
    assert finished.returncode == 0


def test_a_switch_that_is_off_while_it_is_needed_is_a_failure(
    installed: Environment,
) -> None:
    """Doctor shows what the shim would do, and says what to unset."""
    code, report = _doctor(installed, IDIDI_SCOPEFIX="no")

    assert code == 1
    assert "IDIDI_SCOPEFIX=no switches it off" in report["verdict"][0]
    assert _errors(report["with_shim"]) == [None] * CALLS * PLACES


def test_without_a_start_up_file_programs_are_not_cured(copy: Environment) -> None:
    """Only those that import the package: doctor says how to reach the others."""
    (copy.packages / "ididi-scopefix.pth").unlink()

    code, report = _doctor(copy)
    assert code == 1
    assert "no start-up file is in force" in report["verdict"][0]
    assert all(_errors(report["with_shim"]))


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
        ("import os; os.kill(os.getpid(), 9)", "exit code -9"),
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
    monkeypatch.setattr(doctor, "TIMEOUT", 0.5)

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
    assert releases.empty_contexts(version) == when


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ("0.38.0", "uvicorn 0.38.0 starts no request in an empty context"),
        ("0.40.0", "uvicorn 0.40.0 starts every request in an empty context"),
        ("0.54.0", "only with --reset-contextvars"),
        ("odd", None),
    ],
)
def test_doctor_says_what_the_installed_uvicorn_does(
    installed: Environment, tmp_path: Path, version: str, said: str | None
) -> None:
    """Nothing about one whose version can't be read."""
    metadata = tmp_path / f"uvicorn-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: uvicorn\nVersion: {version}\n",
        encoding="utf-8",
    )

    finished = attempt(installed.command, "doctor", PYTHONPATH=str(tmp_path))
    text = " ".join(finished.stdout.split())
    assert said in text if said else "uvicorn" not in text


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

"""``ididi-scopefix status``: what the shim does here, by what, and since when."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from tests.command.asking import SITES, answer, put_ididi, text
from tests.environments import IN_AN_EMPTY_CONTEXT, Environment, attempt, clean, run
from tests.pythons import reads_annotations

if TYPE_CHECKING:
    from pathlib import Path

SENTENCE = r"Processes started before ([\d: -]+) do not have it: restart them\."


def test_a_program_gets_everything(copy: Environment, tmp_path: Path) -> None:
    """It gets the fields of Status, the versions, and the start-up file in force."""
    # An editable installation has its checkout on the path, with the file.
    (tmp_path / "ididi-scopefix.pth").touch()
    (copy.packages / "z.pth").write_text(f"{tmp_path}\n", encoding="utf-8")

    code, found = answer(copy, "status")
    assert (code, found["state"], found["loaded_at_start_up"]) == (0, "active", True)
    assert found["ididi_version"] == found["versions"]["ididi"]
    assert found["versions"]["wrapt"]
    assert found["patched"] == ["ididi.graph._SCOPE_CONTEXT"]
    assert found["fallbacks"] == 0
    file = str(copy.packages / "ididi-scopefix.pth")
    assert found["start_up_files"] == [{"path": file, "in_force": True, "reason": ""}]


def test_a_file_on_pythonpath_is_not_in_force(
    plain: Environment, installed: Environment, tmp_path: Path
) -> None:
    """The package can be imported from there, and no program has it by itself."""
    for name in ("ididi_scopefix", "wrapt", "packaging"):
        shutil.copytree(installed.packages / name, tmp_path / name)
    shutil.copy(installed.packages / "ididi-scopefix.pth", tmp_path)

    _, found = answer(plain, "status", PYTHONPATH=str(tmp_path))
    (file,) = found["start_up_files"]
    assert file["path"] == str(tmp_path / "ididi-scopefix.pth")
    assert not file["in_force"]
    assert found["in_force_since"] is None
    told = text(plain, "status", PYTHONPATH=str(tmp_path))
    assert "In this command; for programs, see start-up." in told
    assert "programs have to import ididi_scopefix" in told
    assert "do not have it" not in told


def test_the_interpreter_is_asked_as_it_was_started(installed: Environment) -> None:
    """With -S it reads no start-up file, and with -I nothing on PYTHONPATH counts."""
    path = str(installed.packages)
    _, found = answer(installed, "-S", "status", PYTHONPATH=path)
    assert not found["loaded_at_start_up"]
    assert [file["in_force"] for file in found["start_up_files"]] == [False]

    path = str(SITES / "leaving")
    assert answer(installed, "-I", "status", PYTHONPATH=path)[1]["loaded_at_start_up"]


def test_packages_that_a_child_does_not_find_are_said(
    copy: Environment, tmp_path: Path
) -> None:
    """Nothing is claimed about programs then, as in a PEX on Python 3.9."""
    (copy.packages / "ididi-scopefix.pth").unlink()
    for name in ("ididi", "ididi_scopefix"):
        shutil.move(copy.packages / name, tmp_path)
    command = (copy.python, "-m", "ididi_scopefix")

    told = run(*command, "status", folder=tmp_path).stdout
    assert "start-up       not known: an interpreter that is started like" in told
    assert "no start-up file is in force" not in told
    told = attempt(*command, "doctor", folder=tmp_path).stdout
    assert "PEX or shiv program" in " ".join(told.split())


@pytest.mark.parametrize(
    ("value", "state", "said"),
    [
        ("0", "disabled", "switched off in every program by IDIDI_SCOPEFIX=0"),
        ("00", "active", "IDIDI_SCOPEFIX='00' is unknown"),
        (" ON ", "active", "active in every program"),
    ],
)
def test_the_value_of_the_switch_is_said(
    installed: Environment, value: str, state: str, said: str
) -> None:
    """With a value that is unknown the shim is on."""
    _, found = answer(installed, "status", IDIDI_SCOPEFIX=value)
    assert (found["state"], found["switch"]) == (state, value)
    assert found["switch_is_known"] == ("unknown" not in said)

    told = text(installed, "status", IDIDI_SCOPEFIX=value)
    assert said in told
    assert ("unknown" in said) == ("unknown" in told)


def test_status_without_packages_is_a_status(copy: Environment) -> None:
    """The command itself needs the standard library only."""
    for name in ("ididi", "wrapt"):
        shutil.rmtree(copy.packages / name)

    code, found = answer(copy, "status")
    assert (code, found["import_error"]) == (0, None)
    # Metadata can be there without the package, after a removal by hand.
    assert (found["versions"]["ididi"], found["versions"]["wrapt"]) == (None, None)
    assert "ididi not importable" in text(copy, "status")


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("raise SystemExit('leaving')", "SystemExit: leaving"),
        ("import a_missing_module", "No module named 'a_missing_module'"),
    ],
)
def test_an_ididi_that_can_not_be_imported_is_said(
    installed: Environment, tmp_path: Path, source: str, error: str
) -> None:
    """Its import may fail or leave: for doctor that is a failure."""
    path = {"PYTHONPATH": put_ididi(tmp_path, source)}

    assert error in answer(installed, "status", **path)[1]["import_error"]
    assert f"{error} start-up" in text(installed, "status", **path)
    code, report = answer(installed, "doctor", **path)
    assert (code, report["needed"], report["needed_for"]) == (1, None, [])
    assert error.rpartition(": ")[2] in report["verdict"][0]


@pytest.mark.child(
    env={"IDIDI_SCOPEFIX": "verbose"},
    out=re.compile(
        r"\ncallers        1 Graph\.use_scope\(\) at .+:\d+ in work\n"
    ).search,
    err=None,
)
def test_callers_are_listed() -> None:
    """In verbose mode, status names each call that needed the shim, with its line."""
    from contextvars import Context

    from ididi import Graph

    from ididi_scopefix.command.cli import main

    def work():
        graph.use_scope()

    graph = Graph()
    Context().run(work)
    main(["status"])


def test_a_name_that_the_terminal_does_not_know_is_written(
    installed: Environment, tmp_path: Path
) -> None:
    """Names of folders are in any language, terminals are not."""
    folder = tmp_path / "caf\u00e9"
    folder.mkdir()
    (folder / "ididi-scopefix.pth").touch()
    variables = {"PYTHONPATH": str(folder), "PYTHONIOENCODING": "ascii"}

    finished = attempt(installed.command, "status", **variables)
    assert (finished.returncode, finished.stderr) == (0, "")
    assert r"caf\xe9" in finished.stdout


@reads_annotations
def test_a_process_from_before_the_installation_goes_on_without(
    plain: Environment, wheels: Path, tmp_path: Path
) -> None:
    """Both commands say so, and since when programs have it."""
    environment = plain.copy(tmp_path / "running")
    program = f"print(flush=True); input(){IN_AN_EMPTY_CONTEXT}"
    with subprocess.Popen(
        [environment.python, "-c", program],
        env=clean(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        started = time.time()
        options = ("--no-index", f"--find-links={wheels}")
        environment.pip("install", *options, "ididi-scopefix")
        told = [text(environment, name) for name in ("status", "doctor")]
        since = answer(environment, "doctor")[1]["in_force_since"]
        answered, _ = process.communicate("\n")

    assert answered == "LookupError\n"
    assert all(re.search(SENTENCE, each) for each in told)
    assert datetime.fromisoformat(since).timestamp() >= started - 1


def test_the_moment_is_that_of_the_start_up_file(copy: Environment) -> None:
    """It is in local time, with the date on another day than today."""
    moment = int(time.time()) + 3 * 86400
    file = copy.packages / "ididi-scopefix.pth"
    (record,) = copy.packages.glob("ididi_scopefix-*/RECORD")
    os.utime(file, (moment, moment))
    zone = {"TZ": "XYZ+1:30"}

    (told,) = re.findall(SENTENCE, text(copy, "status", **zone))
    assert told == time.strftime("%Y-%m-%d %H:%M", time.gmtime(moment - 90 * 60))
    _, found = answer(copy, "status", **zone)
    assert datetime.fromisoformat(found["in_force_since"]).timestamp() == moment
    # uv links the file from its cache, where it is older than the installation.
    os.utime(file, (0, 0))
    since = answer(copy, "status")[1]["in_force_since"]
    assert datetime.fromisoformat(since).timestamp() == int(record.stat().st_mtime)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells of processes")
@pytest.mark.child
def test_an_image_that_has_the_shim_has_no_older_processes() -> None:
    """No process of a container is older than its first, which this one stands for."""
    from datetime import datetime, timedelta

    from ididi_scopefix.command import start_up

    def open_own(path, encoding):
        assert path == "/proc/1/stat"
        return open("/proc/self/stat", encoding=encoding)

    start_up.open = open_own
    # The child of a test lives for a minute at most.
    image_made = datetime.now() - timedelta(minutes=2)
    assert start_up.about_older_processes(image_made) == []
    (told,) = start_up.about_older_processes(datetime.now() + timedelta(minutes=1))
    assert "restart them" in told

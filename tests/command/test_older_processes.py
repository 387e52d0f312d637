"""Processes from before the installation: both commands say to restart them."""

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

from tests.command.asking import answer, text
from tests.environments import IN_AN_EMPTY_CONTEXT, Environment, clean
from tests.pythons import reads_annotations

if TYPE_CHECKING:
    from pathlib import Path

SENTENCE = r"Processes started before ([\d: -]+) do not have it: restart them\."


def _install_at(environment: Environment, moment: float) -> None:
    """Have the shim installed at *moment*."""
    (record,) = environment.packages.glob("ididi_scopefix-*/RECORD")
    for file in (record, environment.packages / "ididi-scopefix.pth"):
        os.utime(file, (moment, moment))


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


@pytest.mark.parametrize(
    ("days", "shown"),
    [(0, r"(\d{4}-\d\d-\d\d )?\d\d:\d\d"), (3, r"[\d-]{10} [\d:]{5}")],
)
def test_the_moment_is_that_of_the_start_up_file(
    copy: Environment, days: int, shown: str
) -> None:
    """It is in local time, with the date on another day than today."""
    moment = int(time.time()) + 60 + days * 86400
    _install_at(copy, moment)
    zone = {"TZ": "XYZ+1:30"}

    (told,) = re.findall(SENTENCE, text(copy, "status", **zone))
    assert re.fullmatch(shown, told)
    assert told.endswith(time.strftime("%H:%M", time.gmtime(moment - 90 * 60)))
    _, found = answer(copy, "status", **zone)
    assert datetime.fromisoformat(found["in_force_since"]).timestamp() == moment


def test_a_file_from_a_cache_is_no_older_than_the_installation(
    copy: Environment,
) -> None:
    """uv links start-up files from its cache, and keeps their times."""
    file = copy.packages / "ididi-scopefix.pth"
    os.utime(file, (0, 0))

    assert answer(copy, "status")[1]["in_force_since"] > "2000"


IN_A_CONTAINER = ("unshare", "--user", "--map-root-user", "--pid", "--fork")


def _has_containers() -> bool:
    if sys.platform != "linux" or shutil.which("unshare") is None:
        return False
    command = (*IN_A_CONTAINER, "--mount-proc", "true")
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not _has_containers(), reason="needs namespaces of Linux")
def test_an_image_that_has_the_shim_has_no_older_processes(copy: Environment) -> None:
    """No process of a container is older than the container itself."""
    _install_at(copy, time.time() - 3600)
    command = (*IN_A_CONTAINER, "--mount-proc", copy.python)

    told = subprocess.run(
        [*command, "-m", "ididi_scopefix", "status"],
        env=clean(),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "active in every program" in told
    assert not re.search(SENTENCE, told)
    # Here the first process is that of the machine, or of a real container.
    _install_at(copy, time.time() + 3600)
    assert re.search(SENTENCE, text(copy, "status"))

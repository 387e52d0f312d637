"""``status`` and ``doctor`` in programs that PEX and shiv have packed."""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from tests.environments import attempt, clean, run

TOOLS = Path(sys.executable).parent
BASE = getattr(sys, "_base_executable", sys.executable)


@pytest.fixture(scope="session")
def archives(workshop: Path, wheels: Path) -> dict[str, dict[str, str]]:
    """Where each kind of archive is, and the variables that have it act as Python."""
    requirements = (f"ididi=={version('ididi')}", "ididi-scopefix")
    pex, shiv = workshop / "app.pex", workshop / "app.pyz"
    found = ("--find-links", str(wheels), "--python", BASE)
    run(str(TOOLS / "pex"), *found, "-o", str(pex), *requirements)
    options = ("--quiet", "--no-index", *found)
    run(str(TOOLS / "shiv"), "-o", str(shiv), *options, *requirements)
    roots = {"PEX_ROOT": str(workshop / "pex"), "SHIV_ROOT": str(workshop / "shiv")}
    return {
        "pex": {"file": str(pex), "PEX_INTERPRETER": "1", **roots},
        "shiv": {"file": str(shiv), "SHIV_INTERPRETER": "1", **roots},
    }


def _ask(archive: dict[str, str], *words: str) -> tuple[int, Any]:
    variables = {**archive}
    file = variables.pop("file")
    finished = attempt(BASE, file, "-m", "ididi_scopefix", *words, **variables)
    return finished.returncode, finished.stdout


@pytest.mark.skipif(sys.version_info < (3, 10), reason="see the next test")
@pytest.mark.parametrize("kind", ["pex", "shiv"])
def test_a_packed_program_is_asked_as_it_is(
    archives: dict[str, dict[str, str]], kind: str
) -> None:
    """A child is started with the archive, and finds the shim and ididi."""
    code, told = _ask(archives[kind], "status", "--json")
    status = json.loads(told)
    assert (code, status["loaded_at_start_up"]) == (0, True)
    assert [file["in_force"] for file in status["start_up_files"]] == [True]

    code, told = _ask(archives[kind], "doctor")
    assert "needs the shim, and with it every call works." in told
    assert code == 0


def test_what_can_not_be_known_is_said(archives: dict[str, dict[str, str]]) -> None:
    """A script of the archive does not tell how the archive was started."""
    archive = {**archives["pex"], "PEX_SCRIPT": "ididi-scopefix"}
    del archive["PEX_INTERPRETER"]
    file = archive.pop("file")

    told = run(BASE, file, "status", **archive).stdout
    assert "start-up       not known: " in told
    assert "no start-up file is in force" not in told
    finished = attempt(BASE, file, "doctor", **archive)
    assert finished.returncode == 1
    assert "not installed" not in finished.stdout
    assert "PEX or shiv program" in " ".join(finished.stdout.split())


def test_the_interpreter_of_the_archive_has_no_shim() -> None:
    """What the other tests find is in the archive."""
    code = "import sys; print('ididi_scopefix' in sys.modules)"

    assert run(BASE, "-c", code).stdout == "False\n"
    assert "PYTHONPATH" not in clean()

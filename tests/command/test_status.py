"""``ididi-scopefix status``: what the shim does here, and what activates it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import ididi_scopefix
from tests.environments import Environment, attempt, run

if TYPE_CHECKING:
    from pathlib import Path


def _status(environment: Environment, *options: str, **variables: str) -> Any:
    command = (environment.python, *options, "-m", "ididi_scopefix", "status", "--json")
    return json.loads(run(*command, **variables).stdout)


def test_status_tells_what_a_person_asks_first(installed: Environment) -> None:
    """Whether it is active, for which ididi, by what, and with which versions."""
    lines = run(installed.command, "status").stdout

    assert "active: every scope call works in every context." in lines
    assert "ididi.graph.Resolver.use_scope" in lines
    assert f"in force:     {installed.packages / 'ididi-scopefix.pth'}" in lines
    assert f"ididi-scopefix {ididi_scopefix.__version__}" in lines
    assert installed.python in lines


def test_status_for_programs_has_the_whole_status(installed: Environment) -> None:
    """The fields of Status, the start-up files and the versions."""
    found = _status(installed)

    assert found["state"] == "active"
    assert found["ididi_version"] == found["versions"]["ididi"]
    assert found["versions"]["wrapt"]
    assert "ididi.graph.Resolver.scope" in found["patched"]
    assert found["seeded"] == 0
    assert [file["in_force"] for file in found["start_up_files"]] == [True, False]


def test_status_says_when_no_start_up_file_is_in_force(
    plain: Environment, installed: Environment, tmp_path: Path
) -> None:
    """In a folder on PYTHONPATH the same files have no effect."""
    for name in ("ididi_scopefix", "wrapt", "packaging"):
        shutil.copytree(installed.packages / name, tmp_path / name)
    shutil.copy(installed.packages / "ididi-scopefix.pth", tmp_path)

    (file,) = _status(plain, PYTHONPATH=str(tmp_path))["start_up_files"]
    assert file["path"] == str(tmp_path / "ididi-scopefix.pth")
    assert not file["in_force"]
    command = (plain.python, "-m", "ididi_scopefix", "status")
    text = run(*command, PYTHONPATH=str(tmp_path)).stdout
    assert "programs have to import ididi_scopefix" in text


def test_status_knows_a_sitecustomize_that_activates(
    installed: Environment, tmp_path: Path
) -> None:
    """One that names the package, and no other."""
    custom = tmp_path / "sitecustomize.py"
    custom.write_text("import ididi_scopefix\n", encoding="utf-8")
    files = _status(installed, PYTHONPATH=str(tmp_path))["start_up_files"]
    assert {"path": str(custom), "in_force": True, "reason": ""} in files

    custom.write_text("import json\n", encoding="utf-8")
    files = _status(installed, PYTHONPATH=str(tmp_path))["start_up_files"]
    assert str(custom) not in [file["path"] for file in files]


def test_status_without_site_has_nothing_in_force(installed: Environment) -> None:
    """With -S the interpreter reads no start-up file."""
    found = _status(installed, "-S", PYTHONPATH=str(installed.packages))

    assert found["start_up_files"]
    assert not any(file["in_force"] for file in found["start_up_files"])


def test_status_knows_the_switch(installed: Environment) -> None:
    """It is the reason, and the line about start-up says it, too."""
    found = _status(installed, IDIDI_SCOPEFIX="off")
    assert (found["state"], found["switch"]) == ("disabled", "off")

    text = run(installed.command, "status", IDIDI_SCOPEFIX="off").stdout
    assert "switched off in every program by IDIDI_SCOPEFIX=off" in text


def test_status_without_ididi_is_a_status(copy: Environment) -> None:
    """The shim waits for it."""
    shutil.rmtree(copy.packages / "ididi")
    for folder in copy.packages.glob("ididi-[0-9]*"):
        shutil.rmtree(folder)

    found = _status(copy)
    assert (found["state"], found["ididi_version"]) == ("waiting", None)
    assert found["import_error"] is None


def test_status_of_a_broken_ididi_is_a_status(
    installed: Environment, tmp_path: Path
) -> None:
    """Whatever its import does: print, fail, or leave."""
    (tmp_path / "ididi").mkdir()
    init = tmp_path / "ididi" / "__init__.py"
    init.write_text("print('hello'); raise SystemExit('no')", encoding="utf-8")

    found = _status(installed, PYTHONPATH=str(tmp_path))
    assert found["import_error"] == "SystemExit: no"


def test_status_without_wrapt_says_what_to_install(copy: Environment) -> None:
    """The command itself needs the standard library only."""
    for folder in (*copy.packages.glob("wrapt*"), *copy.packages.glob("packaging*")):
        shutil.rmtree(folder)

    found = _status(copy)
    assert found["state"] == "failed"
    assert "pip install" in found["reason"]
    assert found["versions"]["wrapt"] is None


def test_status_writes_what_the_terminal_can_not(
    installed: Environment, tmp_path: Path
) -> None:
    """Names of folders are in any language, terminals are not."""
    folder = tmp_path / "caf\u00e9"
    folder.mkdir()
    (folder / "ididi-scopefix.pth").touch()
    variables = {"PYTHONPATH": str(folder), "PYTHONIOENCODING": "ascii"}

    finished = attempt(installed.command, "status", **variables)
    assert finished.returncode == 0
    assert r"caf\xe9" in finished.stdout
    assert finished.stderr == ""


def test_status_without_site_says_that_start_up_files_are_not_read(
    installed: Environment,
) -> None:
    """The package is on the path, and not active by itself."""
    told = run(
        *(installed.python, "-S", "-m", "ididi_scopefix", "status"),
        PYTHONPATH=str(installed.packages),
    ).stdout

    assert "this interpreter runs without site (-S)" in told


def test_status_of_a_broken_ididi_names_the_error(
    installed: Environment, tmp_path: Path
) -> None:
    """In the lines for people, as in those for programs."""
    package = tmp_path / "ididi"
    package.mkdir()
    source = "import a_module_that_nobody_has\n"
    (package / "__init__.py").write_text(source, encoding="utf-8")

    told = run(installed.command, "status", PYTHONPATH=str(tmp_path))

    assert "ididi can't be imported: ModuleNotFoundError" in told.stdout

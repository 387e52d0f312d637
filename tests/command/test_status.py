"""``ididi-scopefix status``: what the shim does here, and what activates it."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest

import ididi_scopefix
from tests.environments import LIKE_3_18, Environment, attempt, run

if TYPE_CHECKING:
    from pathlib import Path


def _status(environment: Environment, *options: str, **variables: str) -> Any:
    command = (environment.python, *options, "-m", "ididi_scopefix", "status", "--json")
    return json.loads(run(*command, **variables).stdout)


def test_status_tells_what_a_person_asks_first(installed: Environment) -> None:
    """Whether it is active, for which ididi, by what, and with which versions."""
    lines = run(installed.command, "status").stdout

    assert "for programs, see" not in lines
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
    assert [file["in_force"] for file in found["start_up_files"]] == [True]
    assert found["loaded_at_start_up"]


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
    assert "in every context. In this command; for programs, see start-up.\n" in text
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


def test_status_knows_what_run_has_put_there(
    installed: Environment, plain: Environment
) -> None:
    """In an environment that has neither the shim nor a start-up file."""
    command = (plain.python, "-m", "ididi_scopefix", "status", "--json")
    (file,) = json.loads(run(installed.command, "run", *command).stdout)[
        "start_up_files"
    ]
    assert file["path"].startswith(str(installed.packages))
    assert file["in_force"]
    assert file["reason"] == "put there by ididi-scopefix run"


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


def test_status_quotes_no_version_of_what_can_not_be_imported(
    copy: Environment,
) -> None:
    """Metadata can be there without the package, after a removal by hand."""
    for name in ("wrapt", "ididi"):
        shutil.rmtree(copy.packages / name)

    versions = _status(copy)["versions"]
    assert versions["packaging"]
    assert (versions["wrapt"], versions["ididi"]) == (None, None)
    lines = run(copy.python, "-m", "ididi_scopefix", "status").stdout.splitlines()
    for name in ("wrapt", "ididi"):
        assert [name, "not", "importable"] in [line.split() for line in lines]


@pytest.mark.parametrize("value", ["disabled", "none", "n", "00"])
def test_status_says_that_a_value_of_the_switch_is_unknown(
    installed: Environment, value: str
) -> None:
    """The shim is on then."""
    found = _status(installed, IDIDI_SCOPEFIX=value)
    assert (found["state"], found["switch_is_known"]) == ("active", False)
    text = run(installed.command, "status", IDIDI_SCOPEFIX=value).stdout
    assert f"IDIDI_SCOPEFIX={value!r} is unknown, so the shim is on" in text


@pytest.mark.parametrize("value", ["", "0", "No", " off ", "1", "ON", "verbose"])
def test_status_does_not_wonder_at_a_value_that_is_known(
    installed: Environment, value: str
) -> None:
    """In any case, and with white space around it."""
    assert _status(installed, IDIDI_SCOPEFIX=value)["switch_is_known"]
    text = run(installed.command, "status", IDIDI_SCOPEFIX=value).stdout
    assert "is unknown" not in text


def test_status_shows_which_code_needed_a_seed(
    installed: Environment, tmp_path: Path
) -> None:
    """If it is verbose, and anything that it imports has opened a scope."""
    custom = tmp_path / "sitecustomize.py"
    source = """from contextvars import Context
from ididi import Graph

def work():
    graph.use_scope()

graph = Graph()
Context().run(work)
"""
    custom.write_text(source, encoding="utf-8")
    variables = {"PYTHONPATH": str(tmp_path), "IDIDI_SCOPEFIX": "verbose"}

    (caller,) = _status(installed, **variables)["callers"]
    assert (caller["call"], caller["count"]) == ("Graph.use_scope()", 1)
    text = run(installed.command, "status", **variables).stdout
    where = f"{caller['file']}:5 in work"
    assert f"\ncallers        1 Graph.use_scope() at {where}\n" in text


def test_status_knows_a_start_up_file_in_a_folder_that_another_one_adds(
    copy: Environment, tmp_path: Path
) -> None:
    """As `uv run --with` does: site reads the files of that folder as well."""
    folder = tmp_path / "added"
    folder.mkdir()
    file = shutil.move(copy.packages / "ididi-scopefix.pth", folder)
    line = f"import site; site.addsitedir({str(folder)!r})\n"
    (copy.packages / "added.pth").write_text(line, encoding="utf-8")

    found = _status(copy)
    assert found["loaded_at_start_up"]
    assert found["start_up_files"] == [
        {
            "path": str(file),
            "in_force": True,
            "reason": "read through site.addsitedir()",
        }
    ]
    text = run(copy.python, "-m", "ididi_scopefix", "status").stdout
    assert "activated whenever this interpreter starts" in text


def test_status_knows_an_activation_without_a_file_of_ours(copy: Environment) -> None:
    """A line in somebody else's .pth is as good."""
    (copy.packages / "ididi-scopefix.pth").rename(copy.packages / "theirs.pth")

    found = _status(copy)
    assert found["loaded_at_start_up"]
    assert found["start_up_files"] == []
    text = run(copy.python, "-m", "ididi_scopefix", "status").stdout
    assert "activated whenever this interpreter starts" in text


def test_status_says_that_python_ignores_import_lines(
    installed: Environment, tmp_path: Path
) -> None:
    """From Python 3.18 on: an import or a sitecustomize is needed."""
    (tmp_path / "sitecustomize.py").write_text(LIKE_3_18, encoding="utf-8")

    found = _status(installed, PYTHONPATH=str(tmp_path))
    assert not found["loaded_at_start_up"]
    (file,) = (file for file in found["start_up_files"] if "pth" in file["path"])
    assert not file["in_force"]
    assert "Python 3.18 and newer ignore import lines" in file["reason"]
    assert "import ididi_scopefix in the program" in file["reason"]
    text = run(installed.command, "status", PYTHONPATH=str(tmp_path)).stdout
    assert "in every context. In this command; for programs, see start-up.\n" in text
    assert "programs have to import ididi_scopefix" in text


def test_status_looks_at_the_interpreter_as_it_was_started(
    installed: Environment, tmp_path: Path
) -> None:
    """With -I nothing on PYTHONPATH counts."""
    custom = tmp_path / "sitecustomize.py"
    custom.write_text("raise SystemExit\n", encoding="utf-8")

    assert _status(installed, "-I", PYTHONPATH=str(tmp_path))["loaded_at_start_up"]


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

"""``ididi-scopefix status``: what the shim does here, and what activates it."""

from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

import ididi_scopefix
from tests.command.asking import answer, put_ididi, put_sitecustomize, text
from tests.environments import Environment, attempt, run

if TYPE_CHECKING:
    from pathlib import Path


def test_a_person_reads_first_what_matters(installed: Environment) -> None:
    """Whether it is active, for which ididi, by what, and with which versions."""
    lines = run(installed.command, "status").stdout.splitlines()

    assert lines[0].startswith("state          active: ")
    assert "start-up       active in every program that is started like this one" in (
        lines
    )
    file = installed.packages / "ididi-scopefix.pth"
    assert f"               in force:     {file}" in lines
    assert f"ididi-scopefix {ididi_scopefix.__version__}" in lines
    assert lines[-1].strip() == installed.python


def test_a_program_gets_everything(installed: Environment) -> None:
    """The fields of Status, the start-up files and the versions."""
    code, found = answer(installed, "status")

    assert (code, found["state"], found["loaded_at_start_up"]) == (0, "active", True)
    assert found["ididi_version"] == found["versions"]["ididi"]
    assert found["versions"]["wrapt"]
    assert found["patched"] == ["ididi.graph._SCOPE_CONTEXT"]
    assert found["fallbacks"] == 0
    (file,) = found["start_up_files"]
    assert file["path"] == str(installed.packages / "ididi-scopefix.pth")
    assert (file["in_force"], file["reason"]) == (True, "")


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


def test_a_sitecustomize_activates_as_well(
    plain: Environment, installed: Environment, tmp_path: Path
) -> None:
    """The child is asked whether it has the shim, by whatever means."""
    line = f"import sys; sys.path.append({str(installed.packages)!r})\n"
    folder = put_sitecustomize(tmp_path, f"{line}import ididi_scopefix\n")

    _, found = answer(plain, "status", PYTHONPATH=folder)
    assert found["loaded_at_start_up"]


def test_a_file_that_somebody_else_processes_is_in_force(
    copy: Environment, tmp_path: Path
) -> None:
    """uv run --with has site read the files of another folder, and PEX does."""
    folder = tmp_path / "added"
    folder.mkdir()
    file = shutil.move(copy.packages / "ididi-scopefix.pth", folder)
    line = f"import site; site.addsitedir({str(folder)!r})\n"
    (copy.packages / "added.pth").write_text(line, encoding="utf-8")

    _, found = answer(copy, "status")
    assert found["loaded_at_start_up"]
    assert found["start_up_files"] == [
        {"path": str(file), "in_force": True, "reason": ""}
    ]


def test_a_file_that_nobody_processes_is_not_shown(
    copy: Environment, tmp_path: Path
) -> None:
    """An editable installation has its checkout on the path, with the file."""
    (tmp_path / "ididi-scopefix.pth").touch()
    (copy.packages / "z.pth").write_text(f"{tmp_path}\n", encoding="utf-8")

    (file,) = answer(copy, "status")[1]["start_up_files"]
    assert file["path"] == str(copy.packages / "ididi-scopefix.pth")


ARCHIVE = """
import runpy, site, sys
site.addsitedir({!r})
option, what, *words = sys.argv[1:]
if option == "-m":
    sys.argv = ["", *words]
    runpy.run_module(what, run_name="__main__", alter_sys=True)
else:
    exec(what, {{"__name__": "__main__"}})
"""
"""What the archives of PEX and shiv do, if they are to be an interpreter."""


@pytest.mark.skipif(sys.version_info < (3, 10), reason="Python does not tell")
def test_the_child_of_an_archive_is_started_with_the_archive(
    empty: Environment, installed: Environment, tmp_path: Path
) -> None:
    """Its packages are in there, and the interpreter alone has none."""
    main = ARCHIVE.format(str(installed.packages))
    (tmp_path / "__main__.py").write_text(main, encoding="utf-8")
    module = (empty.python, str(tmp_path), "-m", "ididi_scopefix")

    told = run(*module, "status").stdout
    assert "active in every program that is started like this one" in told
    assert f"in force:     {installed.packages / 'ididi-scopefix.pth'}" in told
    assert run(*module, "doctor").returncode == 0


def test_no_file_is_in_force_without_site(installed: Environment) -> None:
    """With -S the interpreter reads no start-up file."""
    path = {"PYTHONPATH": str(installed.packages)}

    _, found = answer(installed, "-S", "status", **path)
    assert not found["loaded_at_start_up"]
    (file,) = found["start_up_files"]
    assert not file["in_force"]


def test_the_interpreter_is_asked_as_it_was_started(
    installed: Environment, tmp_path: Path
) -> None:
    """With -I nothing on PYTHONPATH counts."""
    folder = put_sitecustomize(tmp_path, "raise SystemExit\n")

    _, found = answer(installed, "-I", "status", PYTHONPATH=folder)
    assert found["loaded_at_start_up"]


def test_a_package_that_a_child_does_not_find_is_said(
    plain: Environment, installed: Environment, tmp_path: Path
) -> None:
    """Nothing is claimed about programs then, as in a PEX on Python 3.9."""
    package = tmp_path / "ididi_scopefix"
    shutil.copytree(installed.packages / "ididi_scopefix", package)
    command = (plain.python, "-m", "ididi_scopefix", "status")

    told = run(*command, folder=tmp_path).stdout
    assert "start-up       not known: an interpreter that is started like" in told
    assert "no start-up file is in force" not in told


@pytest.mark.parametrize("value", ["0", "off"])
def test_a_switch_that_is_off_is_said(installed: Environment, value: str) -> None:
    """It is the reason, and the line about start-up says it, too."""
    _, found = answer(installed, "status", IDIDI_SCOPEFIX=value)
    assert (found["state"], found["switch"]) == ("disabled", value)

    told = text(installed, "status", IDIDI_SCOPEFIX=value)
    assert f"switched off in every program by IDIDI_SCOPEFIX={value}" in told


@pytest.mark.parametrize(
    ("value", "is_known"), [("disabled", False), ("00", False), (" ON ", True)]
)
def test_an_unknown_value_of_the_switch_is_said(
    installed: Environment, value: str, is_known: bool
) -> None:
    """The shim is on then."""
    _, found = answer(installed, "status", IDIDI_SCOPEFIX=value)
    assert (found["state"], found["switch_is_known"]) == ("active", is_known)

    told = text(installed, "status", IDIDI_SCOPEFIX=value)
    assert (f"IDIDI_SCOPEFIX={value!r} is unknown" in told) != is_known


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
        ("raise SystemExit('no')", "SystemExit: no"),
        (
            "import a_missing_module",
            "ModuleNotFoundError: No module named 'a_missing_module'",
        ),
    ],
)
def test_the_error_of_a_broken_ididi_is_said(
    installed: Environment, tmp_path: Path, source: str, error: str
) -> None:
    """Its import may fail or leave."""
    path = {"PYTHONPATH": put_ididi(tmp_path, source)}

    _, found = answer(installed, "status", **path)
    assert found["import_error"] == error
    assert f"ididi can't be imported: {error}" in text(installed, "status", **path)


def test_callers_are_listed(installed: Environment, tmp_path: Path) -> None:
    """If the shim is verbose, and anything that is imported has opened a scope."""
    source = """from contextvars import Context
from ididi import Graph

def work():
    graph.use_scope()

graph = Graph()
Context().run(work)
"""
    folder = put_sitecustomize(tmp_path, source)
    command = (installed.command, "status")
    variables = {"PYTHONPATH": folder, "IDIDI_SCOPEFIX": "verbose"}

    told = run(*command, **variables).stdout
    where = f"{tmp_path / 'sitecustomize.py'}:5 in work"
    assert f"\ncallers        1 Graph.use_scope() at {where}\n" in told


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

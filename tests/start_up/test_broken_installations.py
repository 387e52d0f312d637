"""Python starts and ididi is as it was, whatever is missing of an installation."""

from __future__ import annotations

import re
import shutil
import stat
from typing import TYPE_CHECKING, Callable

import pytest

from tests.environments import IN_AN_EMPTY_CONTEXT, START_UP_FILE

if TYPE_CHECKING:
    from tests.environments import Environment


def _folder(environment: Environment) -> None:
    shutil.rmtree(environment.packages / "ididi_scopefix")


def _init_cut_off(environment: Environment) -> None:
    file = environment.packages / "ididi_scopefix" / "__init__.py"
    source = file.read_text(encoding="utf-8")
    file.write_text(source[: source.rindex("def ") + len("def ")], encoding="utf-8")


def _init(environment: Environment) -> None:
    (environment.packages / "ididi_scopefix" / "__init__.py").unlink()


def _all_but_init(environment: Environment) -> None:
    for file in (environment.packages / "ididi_scopefix").iterdir():
        if file.is_dir():
            shutil.rmtree(file)
        elif file.name != "__init__.py":
            file.unlink()


def _variable(environment: Environment) -> None:
    (environment.packages / "ididi_scopefix" / "_variable.py").unlink()


@pytest.mark.parametrize(
    ("remove", "error"),
    [(_folder, "ModuleNotFoundError"), (_init_cut_off, "SyntaxError")],
)
def test_a_line_without_its_module_is_an_error(
    copy: Environment, remove: Callable[[Environment], None], error: str
) -> None:
    """Python says which file and why, and goes on; ididi is as it was."""
    remove(copy)

    for code, answer in (("pass", ""), (IN_AN_EMPTY_CONTEXT, "LookupError\n")):
        finished = copy.run(code)
        assert finished.stdout == answer
        # Python reads the start-up files of a virtual environment twice.
        reports = re.split("(?m)(?=^Error )", finished.stderr)
        (report,) = {*reports} - {""}
        assert START_UP_FILE in report
        assert f"{error}: " in report


@pytest.mark.parametrize("remove", [_init, _all_but_init, _variable])
def test_a_half_removed_package_is_silent(
    copy: Environment, remove: Callable[[Environment], None]
) -> None:
    """Python starts without a word, and ididi is what it is without the shim."""
    remove(copy)

    finished = copy.run("pass", "-W", "error")
    assert finished.stdout + finished.stderr == ""
    assert copy.run(IN_AN_EMPTY_CONTEXT).stdout == "LookupError\n"


@pytest.mark.parametrize("remove", [_all_but_init, _variable])
def test_a_half_removed_package_is_silent_after_ididi(
    copy: Environment, remove: Callable[[Environment], None]
) -> None:
    """Another start-up file comes before that of the shim, and imports ididi."""
    remove(copy)
    (copy.packages / "before.pth").write_text("import ididi\n", encoding="utf-8")

    finished = copy.run(
        "import sys; print(*{'ididi', 'ididi_scopefix'} & {*sys.modules})"
    )
    assert set(finished.stdout.split()) == {"ididi", "ididi_scopefix"}
    assert finished.stderr == ""


def test_a_package_may_be_removed_under_a_running_process(copy: Environment) -> None:
    """The finder waits for ididi when the modules that it needs go away."""
    folder = str(copy.packages / "ididi_scopefix")
    remove = f"import shutil; shutil.rmtree({folder!r})\n"

    assert copy.run(remove + IN_AN_EMPTY_CONTEXT).stdout == "LookupError\n"


@pytest.mark.parametrize("missing", ["wrapt", "packaging"])
def test_a_missing_requirement_costs_one_warning(
    copy: Environment, missing: str
) -> None:
    """It says what to install, and so does the status; ididi is as it was."""
    shutil.rmtree(copy.packages / missing)
    if missing == "packaging":  # which is needed for releases not in the table
        (metadata,) = copy.packages.glob("ididi-*.dist-info")
        text = "Metadata-Version: 2.1\nName: ididi\nVersion: 1.8.99\n"
        (metadata / "METADATA").write_text(text, encoding="utf-8")
    assert copy.run("pass").stderr == ""

    finished = copy.run(
        IN_AN_EMPTY_CONTEXT
        + "import ididi_scopefix as shim\n"
        + "print(shim.status().state)\n"
        + "print(shim.status().reason)\n"
    )

    answer, state, reason = finished.stdout.splitlines()
    assert (answer, state) == ("LookupError", "failed")
    assert f"{missing} is missing: python -m pip install {missing}" in reason
    assert finished.stderr == f"ididi-scopefix is not active: {reason}\n"


def test_a_read_only_installation_is_silent_and_active(copy: Environment) -> None:
    """No bytecode can be written there, and Python compiles the files each time."""
    folders = [copy.packages, *copy.packages.glob("**/")]
    for cache in [folder for folder in folders if folder.name == "__pycache__"]:
        shutil.rmtree(cache)
    folders = [folder for folder in folders if folder.exists()]
    for folder in folders:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        finished = copy.run("pass", "-W", "error")
        assert finished.stdout + finished.stderr == ""
        assert copy.run(IN_AN_EMPTY_CONTEXT).stdout == "request\n"
    finally:
        for folder in folders:
            folder.chmod(stat.S_IRWXU)


def test_metadata_are_not_needed_to_start(copy: Environment) -> None:
    """Nobody but pip needs those of the shim itself."""
    for folder in copy.packages.glob("ididi_scopefix-*.dist-info"):
        shutil.rmtree(folder)

    assert copy.run(IN_AN_EMPTY_CONTEXT).stdout == "request\n"

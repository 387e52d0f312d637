"""Python starts and ididi is as it was, whatever is missing of an installation."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING

import pytest

from tests.environments import IN_AN_EMPTY_CONTEXT, START_UP_FILE

if TYPE_CHECKING:
    from tests.environments import Environment


@pytest.mark.parametrize("error", ["ModuleNotFoundError", "SyntaxError"])
def test_a_line_without_its_module_is_an_error(copy: Environment, error: str) -> None:
    """Python says which file and why, and goes on; ididi is as it was."""
    package = copy.packages / "ididi_scopefix"
    if error == "ModuleNotFoundError":
        shutil.rmtree(package)
    else:
        (package / "__init__.py").write_text("def ", encoding="utf-8")

    finished = copy.run(IN_AN_EMPTY_CONTEXT)
    assert finished.stdout == "LookupError\n"
    # Python reads the start-up files of a virtual environment twice.
    (report,) = {*re.split("(?m)(?=^Error )", finished.stderr)} - {""}
    assert START_UP_FILE in report
    assert f"{error}: " in report


@pytest.mark.parametrize("missing", ["__init__.py", "_activation.py", "_variable.py"])
@pytest.mark.parametrize("is_before_ididi", [True, False])
def test_a_half_removed_package_is_silent(
    copy: Environment, missing: str, is_before_ididi: bool
) -> None:
    """Python starts without a word, and ididi is what it is without the shim."""
    (copy.packages / "ididi_scopefix" / missing).unlink()
    if not is_before_ididi:  # another start-up file imports it
        (copy.packages / "before.pth").write_text("import ididi\n", encoding="utf-8")

    finished = copy.run(IN_AN_EMPTY_CONTEXT)
    assert finished.stdout == "LookupError\n"
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
    """It says what to install; ididi is as it was."""
    shutil.rmtree(copy.packages / missing)
    if missing == "packaging":  # which is needed for releases not in the table
        (metadata,) = copy.packages.glob("ididi-*.dist-info")
        text = "Metadata-Version: 2.1\nName: ididi\nVersion: 1.8.99\n"
        (metadata / "METADATA").write_text(text, encoding="utf-8")
    assert copy.run("pass").stderr == ""

    finished = copy.run(IN_AN_EMPTY_CONTEXT)
    assert finished.stdout == "LookupError\n"
    reason = (
        f"{missing} is missing: python -m pip install {missing}; ididi is as it was"
    )
    assert finished.stderr == f"ididi-scopefix is not active: {reason}.\n"

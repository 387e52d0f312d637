"""What a process loads: where ididi is never imported, and where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.environments import IN_AN_EMPTY_CONTEXT

if TYPE_CHECKING:
    from tests.environments import Environment

MODULES = "import sys; print(*sorted(sys.modules))"

DEAR = {"asyncio", "importlib.metadata", "logging", "packaging", "typing", "wrapt"}


def test_an_idle_interpreter_loads_one_module_more(copy: Environment) -> None:
    """The package's own file, and nothing of what makes it work."""
    loaded = set(copy.run(MODULES).stdout.split())
    # Some versions of site load a codec to read a .pth file, whatever is in it.
    line = copy.packages / "ididi-scopefix.pth"
    line.write_text("import sys\n", encoding="ascii")
    without = set(copy.run(MODULES).stdout.split())

    assert loaded - without == {"ididi_scopefix"}
    assert not loaded & DEAR


def test_a_program_that_imports_other_things_loads_nothing_more(
    installed: Environment,
) -> None:
    """The finder answers for every other name, also a similar one."""
    finished = installed.run(
        """
        import json, sys, wsgiref.util
        try:
            import ididi_other
        except ImportError:
            print([name for name in sys.modules if "ididi" in name])
            print("wrapt" in sys.modules)
        """
    )

    assert finished.stdout == "['ididi_scopefix']\nFalse\n"


def test_an_import_of_ididi_loads_private_modules_and_what_they_require(
    installed: Environment,
) -> None:
    """Nothing of the command, and no other module of Python."""
    loaded = set(installed.run(f"import ididi; {MODULES}").stdout.split())
    required = f"import wrapt, packaging, ididi; {MODULES}"
    without = set(installed.run(required, IDIDI_SCOPEFIX="0").stdout.split())

    private = {each for each in loaded if each.startswith("ididi_scopefix._")}
    assert "ididi_scopefix._patch" in private
    assert loaded - without == private


def test_switched_off_nothing_waits_for_ididi(installed: Environment) -> None:
    """The finder is not even there, and an import of ididi loads nothing more."""
    code = "import sys; print([f for f in sys.meta_path if 'ididi' in str(f)])\n"
    code += IN_AN_EMPTY_CONTEXT + "print('wrapt' in sys.modules)"

    switched_off = installed.run(code, IDIDI_SCOPEFIX="0").stdout
    finder, *rest = installed.run(code).stdout.splitlines()
    assert switched_off == "[]\nLookupError\nFalse\n"
    assert finder != "[]"
    assert rest == ["request", "True"]


@pytest.mark.parametrize(
    "options",
    [
        "",
        "-S",
        "-I",
        "-E",
        "-s",
        "-B",
        "-O",
        "-OO",
        "-bb",
        "-W error",
        "-X dev",
        "-X dev -W error",
    ],
)
def test_starting_says_nothing(installed: Environment, options: str) -> None:
    """Whatever the options of the interpreter are."""
    finished = installed.run("pass", *options.split())

    assert finished.stdout + finished.stderr == ""


@pytest.mark.parametrize("options", ["-I", "-E", "-s", "-B", "-O", "-OO"])
def test_the_shim_is_active_whatever_the_options(
    installed: Environment, options: str
) -> None:
    """Isolated or optimized, site processes the start-up files."""
    assert installed.run(IN_AN_EMPTY_CONTEXT, options).stdout == "request\n"

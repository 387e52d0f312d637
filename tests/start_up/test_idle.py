"""What a process loads, where ididi is never imported and where it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.environments import IN_AN_EMPTY_CONTEXT, START_UP_FILE

if TYPE_CHECKING:
    from tests.environments import Environment

MODULES = "import sys; print(*sorted(sys.modules))"

DEAR = {"asyncio", "importlib.metadata", "logging", "packaging", "typing", "wrapt"}


def test_an_idle_interpreter_loads_one_module_more(copy: Environment) -> None:
    """The package's own file, and nothing of what makes it work."""
    loaded = set(copy.run(MODULES).stdout.split())
    # Some versions of site load a codec to read a .pth file, whatever is in it.
    (copy.packages / START_UP_FILE).write_text("import sys\n", encoding="ascii")
    without = set(copy.run(MODULES).stdout.split())

    assert loaded - without == {"ididi_scopefix"}
    assert not loaded & DEAR
    assert copy.run(IN_AN_EMPTY_CONTEXT).stdout == "LookupError\n"


@pytest.mark.unchanged
@pytest.mark.child
def test_importing_other_things_loads_nothing_of_the_shim() -> None:
    """The finder knows of no other name, also a similar one is none of its own."""
    import importlib
    import sys

    before = {name for name in sys.modules if "ididi" in name}
    for name in ("json", "wsgiref.util", "ididi_other", "ididigraph"):
        try:
            importlib.import_module(name)
        except ModuleNotFoundError as error:
            assert error.name == name
    assert {name for name in sys.modules if "ididi" in name} == before
    assert before == {"ididi_scopefix"}
    assert "wrapt" not in sys.modules


def test_importing_ididi_loads_what_the_patch_needs(installed: Environment) -> None:
    """It is what is private, and wrapt: nothing of the command, and no packaging."""
    loaded = set(installed.run(f"import ididi; {MODULES}").stdout.split())
    required = f"import gc, wrapt, importlib.metadata, ididi; {MODULES}"
    without = set(installed.run(required, IDIDI_SCOPEFIX="0").stdout.split())

    private = {each for each in loaded if each.startswith("ididi_scopefix._")}
    assert "ididi_scopefix._variable" in private
    assert loaded - without == private


@pytest.mark.unchanged
@pytest.mark.child(env={"IDIDI_SCOPEFIX": "0"})
def test_switched_off_nothing_waits_for_ididi() -> None:
    """No finder is there, and an import of ididi loads nothing more."""
    import sys

    from tests.imports.calls import finders, raises

    assert finders() == 0
    assert raises()
    assert not {"wrapt", "ididi_scopefix._activation"} & {*sys.modules}


@pytest.mark.parametrize("options", ["-I", "-E", "-s", "-B", "-OO", "-bb", "-X dev"])
def test_the_shim_is_active_whatever_the_options(
    installed: Environment, options: str
) -> None:
    """Nothing is said, from the start-up line to the end of the process."""
    finished = installed.run(IN_AN_EMPTY_CONTEXT, *options.split())

    assert finished.stdout == "request\n"
    assert finished.stderr == ""

"""SECURITY.md tells the truth: what the package never does, and who can replace it."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.environments import Environment, attempt, run
from tests.pythons import IS_PYPY

if TYPE_CHECKING:
    from pathlib import Path

ISOLATED = ("-I", "-P") if sys.version_info >= (3, 11) else ("-I",)
"""The options that keep the current folder off ``sys.path``."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A current folder with modules that say when they are imported."""
    for name in ("argparse", "ididi_scopefix", "wrapt"):
        file = tmp_path / f"{name}.py"
        file.write_text("print('intruder')\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "words", "options"),
    [
        (".", ("-c", "pass"), ("-E", "-I")),
        (f"nowhere{os.pathsep}", ("-c", "pass"), ("-E", "-I")),
        ("", ("-c", "import ididi"), ISOLATED),
        ("", ("-m", "ididi_scopefix", "--version"), ISOLATED),
    ],
)
def test_options_keep_modules_of_the_current_folder_out(
    installed: Environment,
    folder: Path,
    path: str,
    words: tuple[str, ...],
    options: tuple[str, ...],
) -> None:
    """Without them, Python imports such a module as it would a sitecustomize."""
    here = {"folder": folder, "PYTHONPATH": path}

    assert "intruder" in attempt(installed.python, *words, **here).stdout
    for option in options:
        told = run(installed.python, option, *words, **here).stdout
        assert "intruder" not in told


def test_line_and_script_import_nothing_from_the_current_folder(
    installed: Environment, folder: Path
) -> None:
    """Python puts that folder on sys.path after the line has been executed."""
    program = (installed.python, "-c", "import ididi_scopefix")

    assert run(*program, folder=folder).stdout == ""
    told = run(installed.command, "--version", folder=folder).stdout
    assert told.startswith("ididi-scopefix ")


@pytest.mark.skipif(IS_PYPY, reason="not everything is audited there")
@pytest.mark.child(python="{installed.python}", options=["-S"], out=None, err=None)
def test_only_the_command_starts_a_process(installed: Environment) -> None:
    """The rest opens no connection, writes no file, and reads one variable: the switch."""
    import os
    import sys
    from contextvars import Context

    watched = (
        *("ftplib.", "http.", "os.", "pty.", "shutil.", "socket."),
        *("subprocess.", "tempfile.", "urllib."),
    )
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT
    seen = set()
    variables = set()
    read = os._Environ.__getitem__

    def note(event, arguments):
        if event.startswith(watched) and event not in ("os.listdir", "os.scandir"):
            seen.add(event)
        elif event == "open" and arguments[2] & writing:
            path = str(arguments[0])
            if "__pycache__" not in path and path != os.devnull:
                seen.add(path)

    def note_variable(self, key):
        frame = sys._getframe(1)
        if frame.f_code.co_name == "get":
            frame = frame.f_back
        if str(frame.f_globals["__name__"]).startswith("ididi_scopefix"):
            variables.add(key)
        return read(self, key)

    os._Environ.__getitem__ = note_variable
    sys.addaudithook(note)
    import site

    site.main()
    assert "ididi_scopefix" in sys.modules
    from ididi import Graph

    import ididi_scopefix

    ididi_scopefix.activate()
    Context().run(Graph().use_scope)
    assert variables == {"IDIDI_SCOPEFIX"}
    assert seen == set()

    from ididi_scopefix.command.cli import main

    main(["status"])
    main(["doctor"])
    assert "subprocess.Popen" in seen
    assert seen <= {"subprocess.Popen", "os.posix_spawn"}

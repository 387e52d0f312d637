"""SECURITY.md tells the truth about options, folders and variables."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from tests.environments import Environment, run
from tests.pythons import IS_PYPY

IMPORTED = "import sys; print('ididi_scopefix' in sys.modules)"

ISOLATED = ("-I", "-P") if sys.version_info >= (3, 11) else ("-I",)
"""The options that keep the current folder off ``sys.path``."""

posix = pytest.mark.skipif(os.name != "posix", reason="folders are others on Windows")


@pytest.fixture
def intruder(tmp_path: Path) -> Path:
    """A folder with a module of the package's name."""
    code = "print('intruder')\n"
    (tmp_path / "ididi_scopefix.py").write_text(code, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("options", "executed"),
    [
        ((), True),
        (("-E",), True),
        (("-I",), True),
        pytest.param(
            ("-P",),
            True,
            marks=pytest.mark.skipif(
                sys.version_info < (3, 11), reason="-P is new in Python 3.11"
            ),
        ),
        (("-S",), False),
    ],
)
def test_the_line_is_executed_but_with_s(
    installed: Environment, options: tuple[str, ...], executed: bool
) -> None:
    """The table of interpreters says so of each option."""
    assert installed.run(IMPORTED, *options).stdout == f"{executed}\n"


@posix
def test_a_user_install_needs_the_users_site_packages(
    installed: Environment, tmp_path: Path
) -> None:
    """The options -s and -I are without the line, and -E is not."""
    # The one that has made this environment, which itself has no such folder.
    base = os.path.realpath(sys.executable)
    home = {"HOME": str(tmp_path)}
    ask = "import site; print(site.getusersitepackages() * bool(site.ENABLE_USER_SITE))"
    user = Path(run(base, "-c", ask, **home).stdout.strip())
    if user == Path():
        pytest.skip("this interpreter has no user site-packages")
    user.mkdir(parents=True)
    shutil.copytree(installed.packages / "ididi_scopefix", user / "ididi_scopefix")
    shutil.copy(installed.packages / "ididi-scopefix.pth", user)

    for option, executed in (("-E", True), ("-s", False), ("-I", False)):
        assert run(base, option, "-c", IMPORTED, **home).stdout == f"{executed}\n"


@posix
def test_no_option_helps_where_others_can_write_the_interpreter(
    copy: Environment,
) -> None:
    """It is not Python any more that reads the options."""
    python = Path(copy.python)
    python.unlink()
    python.write_text("#!/bin/sh\necho intruder\n", encoding="utf-8")
    python.chmod(0o755)

    assert run(copy.python, "-I", "-S", "-c", "pass").stdout == "intruder\n"


@pytest.mark.parametrize("path", [".", f"nowhere{os.pathsep}"])
def test_a_module_on_pythonpath_comes_first(
    installed: Environment, intruder: Path, path: str
) -> None:
    """A sitecustomize there would, too, unless PYTHONPATH is ignored."""
    here = {"folder": intruder, "PYTHONPATH": path}

    for options in ((), ("-P",)) if sys.version_info >= (3, 11) else ((),):
        told = run(installed.python, *options, "-c", "pass", **here)
        assert told.stdout == "intruder\n"
    for option in ("-E", "-I"):
        assert run(installed.python, option, "-c", "pass", **here).stdout == ""


def test_a_module_in_the_current_folder_is_not_imported(
    installed: Environment, intruder: Path
) -> None:
    """Python puts that folder on sys.path after the line has been executed."""
    (intruder / "main.py").write_text("import ididi_scopefix\n", encoding="utf-8")

    for command in (("-c", "import ididi_scopefix"), ("main.py",), ("-m", "main")):
        assert run(installed.python, *command, folder=intruder).stdout == ""


def test_a_wrapt_in_the_current_folder_comes_first(
    installed: Environment, tmp_path: Path
) -> None:
    """It is imported when ididi is, as any module is imported."""
    (tmp_path / "wrapt.py").write_text("print('intruder')\n", encoding="utf-8")
    command = ("-c", "import ididi")

    assert run(installed.python, *command, folder=tmp_path).stdout == "intruder\n"
    for option in ISOLATED:
        told = run(installed.python, option, *command, folder=tmp_path)
        assert told.stdout == ""


def test_only_python_m_imports_from_the_current_folder(
    installed: Environment, tmp_path: Path
) -> None:
    """The script does not do it, nor does -m with -P."""
    code = "print('intruder'); raise SystemExit"
    (tmp_path / "argparse.py").write_text(code, encoding="utf-8")
    words = ("-m", "ididi_scopefix", "--version")

    told = run(installed.python, *words, folder=tmp_path).stdout
    assert told == "intruder\n"
    for option in ISOLATED:
        told = run(installed.python, option, *words, folder=tmp_path).stdout
        assert told.startswith("ididi-scopefix ")
    told = run(installed.command, "--version", folder=tmp_path).stdout
    assert told.startswith("ididi-scopefix ")


NOTE = Path(__file__).with_name("note.py").read_text(encoding="utf-8")

COMMAND = "from ididi_scopefix.command.cli import main\n"


@pytest.mark.skipif(IS_PYPY, reason="not everything is audited there")
@pytest.mark.parametrize(
    ("options", "code", "does"),
    [
        pytest.param(
            ("-S",),
            "import site; site.main(); assert 'ididi_scopefix' in sys.modules",
            set(),
            id="start-up",
        ),
        pytest.param(
            (),
            "import ididi; assert sys.modules['ididi_scopefix'].status().fallbacks == 0",
            set(),
            id="import",
        ),
        pytest.param((), f"{COMMAND}main(['status'])", {"process"}, id="status"),
        pytest.param((), f"{COMMAND}main(['doctor'])", {"process"}, id="doctor"),
        pytest.param(
            (), f"{COMMAND}main(['run', sys.executable, '-V'])", {"process"}, id="run"
        ),
        pytest.param(
            (),
            "import socket; socket.socket().close(); open('file', 'w').close()",
            {"network", "file"},
            id="somebody else",
        ),
    ],
)
def test_only_the_command_starts_a_process(
    installed: Environment,
    tmp_path: Path,
    options: tuple[str, ...],
    code: str,
    does: set[str],
) -> None:
    """Nothing of the package writes a file or opens a connection."""
    command = (installed.python, *options, "-c", NOTE + code)

    assert set(run(*command, folder=tmp_path).stderr.split()) == does


def test_run_sets_two_variables_for_its_program(
    installed: Environment, tmp_path: Path
) -> None:
    """They are PYTHONPATH and the one that says where the packages are."""
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    program = (installed.python, "-S", "-c", show)
    plainly = run(*program, PYTHONPATH=str(tmp_path)).stdout
    told = run(installed.command, "run", *program, PYTHONPATH=str(tmp_path)).stdout

    before, after = json.loads(plainly), json.loads(told)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"PYTHONPATH", "IDIDI_SCOPEFIX_LENDING"}
    first, *others = after["PYTHONPATH"].split(os.pathsep)
    assert others == [str(tmp_path)]
    assert first.startswith(str(installed.packages / "ididi_scopefix"))
    lent = after["IDIDI_SCOPEFIX_LENDING"].split(os.pathsep)
    names = ("ididi_scopefix", "wrapt", "packaging")
    assert lent == [f"{name}={installed.packages}" for name in names]


def test_the_variable_of_run_says_where_the_packages_come_from(
    installed: Environment, plain: Environment, intruder: Path
) -> None:
    """Whoever sets it controls the program, as with PYTHONPATH."""
    bootstrap = installed.packages / "ididi_scopefix" / "command" / "bootstrap"
    variables = {
        "PYTHONPATH": str(bootstrap),
        "IDIDI_SCOPEFIX_LENDING": f"ididi_scopefix={intruder}",
    }

    assert plain.run("pass", **variables).stdout == "intruder\n"


@pytest.mark.child(out="IDIDI_SCOPEFIX\n")
def test_the_shim_reads_one_environment_variable() -> None:
    """It is the one that switches the shim; the command reads others."""
    import os
    import sys
    from contextvars import Context

    found = set()
    read = os._Environ.__getitem__

    def note(self, key):
        frame = sys._getframe(1)
        if frame.f_code.co_name == "get":
            frame = frame.f_back
        if str(frame.f_globals["__name__"]).startswith("ididi_scopefix"):
            found.add(key)
        return read(self, key)

    os._Environ.__getitem__ = note
    sys.modules.pop("ididi_scopefix", None)
    from ididi import Graph

    import ididi_scopefix

    Context().run(Graph().use_scope)
    ididi_scopefix.activate()
    print(*found)

"""``ididi-scopefix run``: a program in an environment that can't be touched."""

from __future__ import annotations

import ast
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ididi_scopefix.command.run import BOOTSTRAP, _wait_for
from tests.command.asking import SITES
from tests.environments import IN_AN_EMPTY_CONTEXT, Environment, attempt, clean, run

posix = pytest.mark.skipif(os.name != "posix", reason="processes are replaced on POSIX")


def child_of_run(
    path: str | None = None, program: str = "{plain.python}", **expected: Any
) -> pytest.MarkDecorator:
    """Run a test's body by ``run``, which is started with *path* as PYTHONPATH."""
    command = {"python": "{installed.command}", "options": ["run", program]}
    return pytest.mark.child(**command, env={"PYTHONPATH": path}, **expected)


def test_an_environment_without_the_shim_is_cured(
    copy: Environment, plain: Environment
) -> None:
    """Neither it nor the one with the shim gets a file, not even of bytecode."""
    for cache in list(copy.packages.glob("**/__pycache__")):
        shutil.rmtree(cache)
    before = plain.files()
    command = (copy.python, "-B", "-m", "ididi_scopefix", "run", plain.python)

    assert run(*command, "-c", IN_AN_EMPTY_CONTEXT).stdout == "request\n"
    assert plain.run(IN_AN_EMPTY_CONTEXT).stdout == "LookupError\n"
    assert plain.files() == before
    # Python writes that of a file before it runs the file.
    written = {name for name in copy.files() if name.endswith(".pyc")}
    assert {Path(name).name.partition(".")[0] for name in written} <= {"sitecustomize"}


@child_of_run()
def test_a_program_is_lent_what_the_shim_needs(
    installed: Environment, plain: Environment
) -> None:
    """It gets nothing before it imports ididi, and never what else is installed."""
    import os
    import sys
    from importlib.util import find_spec

    lent = os.environ["IDIDI_SCOPEFIX_LENDING"].split(os.pathsep)
    folder = lent[0].partition("=")[2]
    assert not [path for path in sys.path if path.startswith(folder)]
    assert find_spec("packaging") is None
    import ididi

    found = {
        name
        for name, module in list(sys.modules.items())
        if "." not in name
        and (getattr(module, "__file__", "") or "").startswith(folder)
    }
    ours = {"ididi_scopefix", "ididi_scopefix_lender", "sitecustomize"}
    assert {"ididi_scopefix", "wrapt"} <= found <= {*ours, "packaging", "wrapt"}
    assert not ididi.__file__.startswith(folder)
    assert sys.dont_write_bytecode == sys.flags.dont_write_bytecode


@child_of_run(program="{copy.python}")
def test_the_packages_of_the_program_come_first(
    installed: Environment, copy: Environment
) -> None:
    """Where the shim is installed too, it is that one."""
    import sys

    import wrapt

    import ididi_scopefix

    assert ididi_scopefix.__file__.startswith(sys.prefix)
    assert wrapt.__file__.startswith(sys.prefix)


@child_of_run(str(SITES / "puts_itself_first"))
def test_the_sitecustomize_of_an_agent_still_runs(
    installed: Environment, plain: Environment
) -> None:
    """Workers have the shim all the same; they are children, by whatever means."""
    import subprocess
    import sys

    import sitecustomize

    assert "puts_itself_first" in sitecustomize.__file__
    assert "ididi_scopefix" in sys.modules
    look = "import sys; assert 'ididi_scopefix' in sys.modules"
    subprocess.run([sys.executable, "-c", look], check=True)
    subprocess.run(f'"{sys.executable}" -c "{look}"', shell=True, check=True)


@child_of_run(
    str(SITES / "failing"), err=lambda text: text.count("ValueError: mine") == 2
)
def test_a_sitecustomize_that_fails_fails_as_ever(
    installed: Environment, plain: Environment
) -> None:
    """Its error is reported by Python, and the shim is active."""
    import sys

    assert "ididi_scopefix" in sys.modules


def test_run_sets_two_variables_however_often_it_is_written(
    installed: Environment,
) -> None:
    """They are PYTHONPATH, in front of what was there, and where the packages are."""
    show = "import json, os; print(json.dumps(dict(os.environ)))"
    program = (installed.python, "-S", "-c", show)
    plainly, once, thrice = (
        json.loads(run(*command, *program, PYTHONPATH="/a::/b").stdout)
        for command in ((), (installed.command, "run"), (installed.command, "run") * 3)
    )

    assert once == thrice
    bootstrap = installed.packages / "ididi_scopefix" / "command" / "bootstrap"
    names = ("ididi_scopefix", "wrapt", "packaging")
    lent = [f"{name}={installed.packages}" for name in names]
    assert once == {
        **plainly,
        "PYTHONPATH": os.pathsep.join([str(bootstrap), "/a::/b"]),
        "IDIDI_SCOPEFIX_LENDING": os.pathsep.join(lent),
    }


def test_a_switch_that_is_off_stays_off(
    installed: Environment, plain: Environment
) -> None:
    """Whoever set it meant it; a line says so, and nothing is changed."""
    command = (installed.command, "run", plain.python, "-c", IN_AN_EMPTY_CONTEXT)

    finished = run(*command, IDIDI_SCOPEFIX="0")
    assert finished.stdout == "LookupError\n"
    (line,) = finished.stderr.splitlines()
    assert "running without the shim, since IDIDI_SCOPEFIX is off" in line


def test_the_words_of_the_program_are_its_own(installed: Environment) -> None:
    """Options and double dashes are, also those that the command knows itself."""
    words = ["--help", "--", "-h", "--json", "", "a b", "\u00e9"]
    code = "import sys; print(ascii(sys.argv[1:]))"
    program = (installed.python, "-c", code, *words)

    expected = f"{words!a}\n"
    assert run(installed.command, "run", *program).stdout == expected
    assert run(installed.command, "run", "--", *program).stdout == expected


@posix
def test_the_program_takes_the_place_of_the_command(installed: Environment) -> None:
    """It has the process id that a supervisor knows, and gets its signals."""
    with subprocess.Popen(
        [installed.command, "run", "sh", "-c", "echo $$; exec cat"],
        env=clean(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert int(process.stdout.readline()) == process.pid
        process.send_signal(signal.SIGTERM)
    assert process.returncode == -signal.SIGTERM


@posix
def test_a_broken_pipe_kills_the_program_as_ever(installed: Environment) -> None:
    """Python ignores that signal for itself, and the program doesn't inherit it."""
    finished = run(installed.command, "run", "sh", "-c", "yes | head -n 1")

    assert (finished.stdout, finished.stderr) == ("y\n", "")


@posix
@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        ("no-such-program", 127, "no such program"),
        ("", 127, "no such program"),
        (str(SITES), 126, "can't be executed"),
        ("./script", 126, "interpreter that its first line names does not exist"),
    ],
)
def test_a_program_that_can_not_be_run_is_one_line(
    installed: Environment, tmp_path: Path, program: str, code: int, said: str
) -> None:
    """The exit code is the one that shells give for it."""
    script = tmp_path / "script"
    script.write_text("#!/no/such/interpreter\n", encoding="utf-8")
    script.chmod(0o755)

    finished = attempt(installed.command, "run", program, "word", folder=tmp_path)
    assert finished.returncode == code
    (line,) = finished.stderr.splitlines()
    assert said in line


def test_the_bootstrap_can_be_read_by_any_python() -> None:
    """The interpreter that finds it may be far older than what is supported."""
    source = Path(BOOTSTRAP, "sitecustomize.py").read_text(encoding="ascii")

    modern = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Starred, ast.Nonlocal)
    assert not [node for node in ast.walk(ast.parse(source)) if type(node) in modern]


def test_the_command_waits_for_its_program_on_windows() -> None:
    """No process can be replaced there; the exit code is the program's."""
    program = [sys.executable, "-c", "raise SystemExit(3)"]

    assert _wait_for(program, os.environ) == 3

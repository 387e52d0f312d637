"""``ididi-scopefix run``: a program in an environment that can't be touched."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from ididi_scopefix.command.run import _wait_for
from tests.environments import IN_AN_EMPTY_CONTEXT, Environment, attempt, clean, run

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(os.name != "posix", reason="processes are replaced on POSIX")


def _run(
    installed: Environment, where: Environment, code: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a program of another environment with the shim."""
    command = (installed.command, "run", where.python, "-c", code)
    return run(*command, **variables)


def test_an_environment_without_the_shim_is_cured(
    installed: Environment, plain: Environment
) -> None:
    """It has neither the shim nor wrapt nor packaging, and keeps having none."""
    before = plain.files()

    assert _run(installed, plain, IN_AN_EMPTY_CONTEXT).stdout == "request\n"
    assert plain.run(IN_AN_EMPTY_CONTEXT).stdout == "LookupError\n"
    assert plain.files() == before


def test_what_is_lent_collects_no_bytecode(
    copy: Environment, plain: Environment
) -> None:
    """Pip would leave behind what other interpreters have written."""
    for cache in list(copy.packages.glob("**/__pycache__")):
        shutil.rmtree(cache)
    command = (copy.python, "-B", "-m", "ididi_scopefix", "run", plain.python)

    code = "import sys; print(sys.dont_write_bytecode)\n" + IN_AN_EMPTY_CONTEXT
    assert run(*command, "-c", code).stdout == "False\nrequest\n"
    assert not [name for name in copy.files() if name.endswith(".pyc")]


def test_bytecode_that_pip_has_compiled_stays(
    copy: Environment, plain: Environment
) -> None:
    """It is listed in RECORD, and saves the program's interpreter the work."""
    bootstrap = copy.packages / "ididi_scopefix" / "command" / "bootstrap"
    compiled = {file: file.stat().st_ino for file in bootstrap.glob("*/*.pyc")}
    assert len(compiled) == 2

    command = (copy.python, "-m", "ididi_scopefix", "run", plain.python)
    assert run(*command, "-c", IN_AN_EMPTY_CONTEXT).stdout == "request\n"
    after = {file: file.stat().st_ino for file in bootstrap.glob("*/*.pyc")}
    assert after == compiled


def test_so_are_the_python_programs_that_it_starts(
    installed: Environment, plain: Environment
) -> None:
    """Workers are children, started by whatever means."""
    code = f"""
import subprocess, sys
print(subprocess.run([sys.executable, "-c", {IN_AN_EMPTY_CONTEXT!r}],
                     check=True, capture_output=True, text=True).stdout)
"""
    assert _run(installed, plain, code).stdout.split() == ["request"]
    shell = ("sh", "-c", '"$0" -c "$1"', plain.python, IN_AN_EMPTY_CONTEXT)
    assert run(installed.command, "run", *shell).stdout == "request\n"


def test_nothing_but_the_shim_and_its_requirements_is_lent(
    installed: Environment, plain: Environment
) -> None:
    """What else is installed beside the shim is not the program's business."""
    packages, bootstrap = str(installed.packages), "bootstrap"
    code = f"""
import sys
print([p for p in sys.path if {packages!r} in p or {bootstrap!r} in p])
import ididi
print(*sorted(n for n, m in sys.modules.items() if "." not in n
              and (getattr(m, "__file__", None) or "").startswith({packages!r})))
"""
    path, lent = _run(installed, plain, code).stdout.splitlines()
    assert path == "[]"
    assert lent.split() == [
        "ididi_scopefix",
        "ididi_scopefix_lender",
        "packaging",
        "wrapt",
    ]


def test_a_program_that_does_not_use_ididi_is_lent_nothing(
    installed: Environment, plain: Environment
) -> None:
    """One that looks whether packaging is there gets the answer it always got."""
    code = """
try:
    import packaging
except ModuleNotFoundError as error:
    print(error)
"""
    answer = "No module named 'packaging'\n"
    assert _run(installed, plain, code).stdout == answer


def test_the_packages_of_the_program_come_first(
    installed: Environment, copy: Environment
) -> None:
    """Where the shim is installed too, it is that one."""
    code = "import ididi, ididi_scopefix, wrapt; print(ididi_scopefix.__file__)\n"
    code += "print(wrapt.__file__)"

    for file in _run(installed, copy, code).stdout.splitlines():
        assert file.startswith(str(copy.packages))


def test_an_existing_sitecustomize_still_runs(
    installed: Environment, plain: Environment, tmp_path: Path
) -> None:
    """And is the one that the program sees."""
    custom = tmp_path / "sitecustomize.py"
    custom.write_text("print('mine')", encoding="utf-8")
    code = "import sitecustomize; print(sitecustomize.__file__)\n" + IN_AN_EMPTY_CONTEXT

    finished = _run(installed, plain, code, PYTHONPATH=str(tmp_path))
    # The first is that of the command's own interpreter.
    assert finished.stdout.splitlines() == ["mine", "mine", str(custom), "request"]


def test_a_sitecustomize_that_fails_fails_as_ever(
    installed: Environment, plain: Environment, tmp_path: Path
) -> None:
    """Its error is reported by Python, and the shim is active."""
    custom = tmp_path / "sitecustomize.py"
    custom.write_text("raise ValueError('mine')", encoding="utf-8")
    variables = {"PYTHONPATH": str(tmp_path)}

    finished = _run(installed, plain, IN_AN_EMPTY_CONTEXT, **variables)
    # The first is that of the command's own interpreter.
    assert finished.stderr == plain.run("pass", **variables).stderr * 2 != ""
    assert finished.stdout == "request\n"


def test_the_sitecustomize_of_python_itself_is_the_one_that_the_program_sees(
    installed: Environment, plain: Environment
) -> None:
    """Debian has one and others have none; nothing is printed for that."""
    code = "import sys; print(sys.modules.get('sitecustomize'))"

    finished = _run(installed, plain, code)
    assert finished.stdout == plain.run(code).stdout
    assert finished.stderr == ""


def test_running_in_a_run_adds_nothing(
    installed: Environment, plain: Environment
) -> None:
    """Our folder is on PYTHONPATH once, before what was there."""
    code = "import os; print(os.environ['PYTHONPATH'])"
    once = _run(installed, plain, code, PYTHONPATH="/a::/b").stdout
    command = (installed.command, "run") * 3
    thrice = run(*command, plain.python, "-c", code, PYTHONPATH="/a::/b").stdout

    assert once == thrice
    ours, _, others = once.strip().partition(os.pathsep)
    assert ours == str(installed.packages / "ididi_scopefix" / "command" / "bootstrap")
    assert others == "/a::/b"
    assert os.pathsep not in _run(installed, plain, code).stdout


def test_a_switch_that_is_off_stays_off(
    installed: Environment, plain: Environment
) -> None:
    """Whoever set it meant it; a line says so, and nothing is changed."""
    code = "import os; print(os.environ.get('PYTHONPATH'))\n" + IN_AN_EMPTY_CONTEXT

    finished = _run(installed, plain, code, IDIDI_SCOPEFIX="0")
    assert finished.stdout == "None\nLookupError\n"
    (line,) = finished.stderr.splitlines()
    assert "running without the shim, since IDIDI_SCOPEFIX is off" in line


def test_the_words_of_the_program_are_its_own(installed: Environment) -> None:
    """Options and double dashes, also those that the command knows itself."""
    words = ["--help", "--", "-h", "--json", "", "a b", "\u00e9"]
    code = "import sys; print(ascii(sys.argv[1:]))"
    program = (installed.python, "-c", code, *words)

    expected = f"{words!a}\n"
    assert run(installed.command, "run", *program).stdout == expected
    assert run(installed.command, "run", "--", *program).stdout == expected


def test_the_exit_code_is_the_programs(installed: Environment) -> None:
    """Whatever it is."""
    code = "raise SystemExit(77)"
    finished = attempt(installed.command, "run", installed.python, "-c", code)

    assert finished.returncode == 77


@posix
def test_the_program_takes_the_place_of_the_command(installed: Environment) -> None:
    """It has the process id that a supervisor knows, and gets its signals."""
    code = "import os, sys; print(os.getpid(), flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [installed.command, "run", installed.python, "-c", code],
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

    assert finished.stdout == "y\n"
    assert finished.stderr == ""


@posix
@pytest.mark.parametrize("program", ["no-such-program", "/no/such/program", ""])
def test_an_unknown_program_is_one_line(installed: Environment, program: str) -> None:
    """And the exit code that shells give for it."""
    finished = attempt(installed.command, "run", program, "word")

    assert finished.returncode == 127
    (line,) = finished.stderr.splitlines()
    assert "no such program" in line


@posix
@pytest.mark.parametrize("content", ["text", "#!/no/such/interpreter\n"])
@pytest.mark.parametrize("mode", [0o644, 0o755])
def test_a_program_that_can_not_be_executed_is_one_line(
    installed: Environment, tmp_path: Path, content: str, mode: int
) -> None:
    """And the exit code that shells give for that."""
    program = tmp_path / "program"
    program.write_text(content, encoding="utf-8")
    program.chmod(mode)

    finished = attempt(installed.command, "run", str(program))
    assert finished.returncode == 126
    assert len(finished.stderr.splitlines()) == 1


@pytest.mark.parametrize("options", ["-S", "-I", "-E"])
def test_an_interpreter_that_is_told_not_to_listen_does_not(
    installed: Environment, plain: Environment, options: str
) -> None:
    """It runs as it would have, without the shim."""
    code = f"import sys; sys.path.append({str(plain.packages)!r})\n"
    command = (plain.python, options, "-c", code + IN_AN_EMPTY_CONTEXT)

    finished = run(installed.command, "run", *command)
    assert finished.stdout == "LookupError\n"
    assert finished.stderr == ""


def test_the_bootstrap_can_be_read_by_any_python(installed: Environment) -> None:
    """The interpreter that finds it may be far older than what is supported."""
    bootstrap = installed.packages / "ididi_scopefix" / "command" / "bootstrap"
    source = (bootstrap / "sitecustomize.py").read_text(encoding="ascii")

    tree = ast.parse(source)
    modern = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.FunctionDef)
    assert not [node for node in ast.walk(tree) if isinstance(node, modern)]


def test_a_program_is_waited_for_where_it_can_not_replace_the_command() -> None:
    """On Windows; its exit code is the command's."""
    program = [sys.executable, "-c", "raise SystemExit(3)"]

    assert _wait_for(program, os.environ) == 3

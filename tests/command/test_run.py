"""``ididi-scopefix run``: a program in an environment that can't be touched."""

from __future__ import annotations

import ast
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ididi_scopefix.command.run import BOOTSTRAP, _wait_for
from tests.command.asking import put_sitecustomize
from tests.environments import IN_AN_EMPTY_CONTEXT, Environment, attempt, clean, run

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
    # Python writes that of a file before it runs the file.
    written = {name for name in copy.files() if name.endswith(".pyc")}
    assert {Path(name).name.partition(".")[0] for name in written} <= {"sitecustomize"}


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
    ours = {"ididi_scopefix", "ididi_scopefix_lender", "sitecustomize"}
    assert set(lent.split()) <= {*ours, "packaging", "wrapt"}


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


SEEN = "import sitecustomize; print(sitecustomize.__file__)\n" + IN_AN_EMPTY_CONTEXT


def test_an_existing_sitecustomize_still_runs(
    installed: Environment, plain: Environment, tmp_path: Path
) -> None:
    """It is the one that the program sees."""
    path = {"PYTHONPATH": put_sitecustomize(tmp_path, "print('mine')")}

    finished = _run(installed, plain, SEEN, **path)
    # The first is that of the command's own interpreter.
    file = str(tmp_path / "sitecustomize.py")
    assert finished.stdout.splitlines() == ["mine", "mine", file, "request"]


FINDER = """
import sys
from importlib.util import spec_from_file_location

class Finder:
    def find_spec(name, path=None, target=None):
        if name == "sitecustomize":
            return spec_from_file_location(name, FILE)

sys.meta_path.append(Finder)
"""


def test_a_sitecustomize_of_a_finder_still_runs(
    installed: Environment, plain: Environment, tmp_path: Path
) -> None:
    """Editable installations have finders of their own."""
    environment = plain.copy(tmp_path / "editable", without="pip")
    file = tmp_path / "sitecustomize.py"
    file.write_text("print('mine')", encoding="utf-8")
    finder = f"FILE = {str(file)!r}\n{FINDER}"
    (environment.packages / "a_finder.py").write_text(finder, encoding="utf-8")
    (environment.packages / "a.pth").write_text("import a_finder\n", encoding="utf-8")

    finished = _run(installed, environment, SEEN)
    assert finished.stdout.splitlines() == ["mine", str(file), "request"]


def test_a_sitecustomize_that_fails_fails_as_ever(
    installed: Environment, plain: Environment, tmp_path: Path
) -> None:
    """Its error is reported by Python, and the shim is active."""
    path = {"PYTHONPATH": put_sitecustomize(tmp_path, "raise ValueError('mine')")}

    finished = _run(installed, plain, IN_AN_EMPTY_CONTEXT, **path)
    # The first is that of the command's own interpreter.
    assert finished.stderr == plain.run("pass", **path).stderr * 2 != ""
    assert finished.stdout == "request\n"


PUTS_ITSELF_FIRST = """
import os
folder = os.path.dirname(__file__)
others = os.environ["PYTHONPATH"].split(os.pathsep)
others.remove(folder)
os.environ["PYTHONPATH"] = os.pathsep.join([folder, *others])
"""


def test_a_sitecustomize_that_puts_itself_first_hides_nothing(
    installed: Environment, plain: Environment, tmp_path: Path
) -> None:
    """OpenTelemetry's does, and the workers have the shim all the same."""
    code = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {IN_AN_EMPTY_CONTEXT!r}], check=True)
"""
    path = {"PYTHONPATH": put_sitecustomize(tmp_path, PUTS_ITSELF_FIRST)}

    assert _run(installed, plain, code, **path).stdout == "request\n"


RUNS_THE_NEXT = """
import os, runpy, sys
sys.path.remove(os.path.dirname(__file__))
for folder in sys.path:
    file = os.path.join(folder, "sitecustomize.py")
    if os.path.exists(file):
        runpy.run_path(file)
print(sys.modules["sitecustomize"].__file__)
"""


def test_a_launcher_that_runs_the_next_sitecustomize_has_both(
    installed: Environment, plain: Environment, tmp_path: Path
) -> None:
    """New Relic's does, and needs to be in ``sys.modules`` afterwards."""
    folder = put_sitecustomize(tmp_path, RUNS_THE_NEXT)
    launch = 'PYTHONPATH="$0:$PYTHONPATH" exec "$1" -c "$2"'
    shell = ("sh", "-c", launch, folder, plain.python, IN_AN_EMPTY_CONTEXT)

    finished = run(installed.command, "run", *shell)
    *files, last = finished.stdout.splitlines()
    assert set(files) == {str(tmp_path / "sitecustomize.py")}
    assert (last, finished.stderr) == ("request", "")


@posix
@pytest.mark.parametrize("name", ["opentelemetry-instrument", "elasticapm-run"])
def test_a_launcher_that_hides_the_shim_is_named(
    installed: Environment, tmp_path: Path, name: str
) -> None:
    """In one line, with what to write instead; the program runs."""
    launcher = tmp_path / name
    launcher.write_text("#!/bin/sh\nexit 3\n", encoding="utf-8")
    launcher.chmod(0o755)

    finished = attempt(installed.command, "run", str(launcher), "python", "app.py")
    assert finished.returncode == 3
    (line,) = finished.stderr.splitlines()
    assert line.endswith(f"Write instead: {name} ... ididi-scopefix run PROGRAM")


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


def test_the_bootstrap_can_be_read_by_any_python() -> None:
    """The interpreter that finds it may be far older than what is supported."""
    source = Path(BOOTSTRAP, "sitecustomize.py").read_text(encoding="ascii")

    modern = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr, ast.Starred, ast.Nonlocal)
    assert not [node for node in ast.walk(ast.parse(source)) if type(node) in modern]


def test_a_program_is_waited_for_where_it_can_not_replace_the_command() -> None:
    """On Windows; its exit code is the command's."""
    program = [sys.executable, "-c", "raise SystemExit(3)"]

    assert _wait_for(program, os.environ) == 3

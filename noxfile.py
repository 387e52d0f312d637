"""What a change has to pass: the sessions behind the Makefile's first targets.

The laboratory has its own in ``lab/noxfile.py``, and a release in
``release/noxfile.py``.
"""

from __future__ import annotations

import ast
import os
from pathlib import Path

import nox

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
OTHER_PYTHONS = ["3.13t", "3.14t", "pypy3.11"]
"""Those that the classifiers don't name by a number."""
OLDEST_WRAPT = "1.16.0"
COMPILED = "1.5.4"
"""A release of ididi whose methods are compiled."""
COVERED = 96
"""The percentage of the package that the tests have to reach."""
UNMEASURED = (
    "behaviour/test_verbose.py::test_a_line_is_one_line_whatever_the_names_are",
    "package/test_threats.py::test_only_the_command_starts_a_process",
    "start_up/test_idle.py::test_an_idle_interpreter_loads_one_module_more",
    "start_up/test_interpreters.py::test_a_subinterpreter_is_an_interpreter",
)
"""Measuring loads modules, writes files, and can't trace what these have."""
COMPARED = tuple(
    f"tests/{name}" for name in ("behaviour", "imports", "model", "races", "faults")
)
"""The tests that fail with the shim off."""
WHEELS = ("--only-binary", "hypothesis")
"""Where its newest release has no wheel, on PyPy for one, an older one will do."""
PARALLEL = ("--numprocesses", "2", "--dist", "worksteal")

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of one of the project's dependency groups."""
    return nox.project.dependency_groups(PROJECT, name)


def verified_releases() -> list[str]:
    """Return the affected releases of ididi, from the package's own table."""
    source = Path("ididi_scopefix/_releases.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VERIFIED":
            return list(ast.literal_eval(node.value))
    raise LookupError("ididi_scopefix/_releases.py has no VERIFIED")


@nox.session
def demo(session: nox.Session) -> None:
    """Show the bug and the cure on a real server."""
    session.install("--quiet", ".", *group("demo"), silent=True)
    session.run("python", "-m", "examples.demo", interrupt_timeout=10)


@nox.session
def test(session: nox.Session) -> None:
    """Run everything that one Python can run, against one release of ididi."""
    # CI names the wheel that it has built once, for every Python to try.
    package = os.environ.get("SCOPEFIX_WHEEL", ".")
    session.install(*WHEELS, package, *group("test"))
    session.run("pytest", *PARALLEL, *session.posargs)


@nox.session
def control(session: nox.Session) -> None:
    """See every test of what the shim does fail with the shim switched off."""
    session.install(".", *group("test"))
    session.run("pytest", *PARALLEL, "--control", *COMPARED, *session.posargs)


@nox.session
def matrix(session: nox.Session) -> None:
    """Run the behaviour suite on every affected release of ididi."""
    session.install(".", *group("test-tools"))
    failed = []
    for release in verified_releases():
        session.install("--quiet", f"ididi=={release}", silent=True)
        session.log(f"ididi {release}")
        try:
            session.run("pytest", "--quiet", "tests/behaviour", *session.posargs)
        except nox.command.CommandFailed:
            failed.append(release)
    if failed:
        session.error(f"failed on ididi {', '.join(failed)}")


@nox.session(python=[*PYTHONS, *OTHER_PYTHONS])
def pythons(session: nox.Session) -> None:
    """Run the whole suite on every Python that is installed here."""
    session.install(*WHEELS, ".", *group("test"))
    session.run("pytest", "--quiet", *PARALLEL, *session.posargs)


@nox.session
@nox.parametrize("wrapt", ["oldest", "newest"])
def wrapt(session: nox.Session, wrapt: str) -> None:
    """Run the whole suite with either end of the range of wrapt."""
    pin = f"wrapt=={OLDEST_WRAPT}" if wrapt == "oldest" else "wrapt>=2"
    session.install(".", *group("test"), pin)
    session.run("pytest", "--quiet", *PARALLEL, *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure which branches of the package the tests take, children included."""
    session.install(".", *group("test"), "coverage>=7.10")
    session.run("coverage", "erase")
    pytest = ("coverage", "run", "-m", "pytest", "--quiet", *session.posargs)
    try:
        left_out = [f"--deselect=tests/{test}" for test in UNMEASURED]
        session.run(*pytest, *left_out)
        session.install(f"ididi=={COMPILED}")
        session.run(*pytest, *left_out, "tests/behaviour")
    finally:
        session.run("coverage", "combine", "--quiet")
        session.run("coverage", "report", f"--fail-under={COVERED}")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types."""
    session.install(".", *group("lint"), *group("test"), "nox")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--ignoreexternal", "--verifytypes", "ididi_scopefix")

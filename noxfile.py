"""The sessions behind the Makefile's targets."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import nox

# This file's folder is where nox runs, but not where it imports from.
sys.path.insert(0, str(Path(__file__).parent))
from tests.docs import comparison
from tests.servers import rows

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
OLDEST_WRAPT = "1.16.0"
REFERENCE = "1.8.2"
"""The release of ididi that `make test` runs against."""
COMPILED = "1.5.4"
"""A release of ididi that is patched the other way."""
IDLE = "tests/start_up/test_idle.py"
LOADS = "test_an_idle_interpreter_loads_one_module_more"
COMPARED = ("tests/behaviour", "tests/model", "tests/races", "tests/faults")
"""The tests that fail with the shim off."""
SPEEDUPS = ("httptools", "uvloop", "websockets")
"""What services under load have installed next to uvicorn."""

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_missing_interpreters = False


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of one of the project's dependency groups."""
    return nox.project.dependency_groups(PROJECT, name)


def verified_releases() -> list[str]:
    """Return the affected releases of ididi, from the package's own table."""
    source = Path("ididi_scopefix/releases.py").read_text(encoding="utf-8")
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VERIFIED":
            return list(ast.literal_eval(node.value))
    raise LookupError("ididi_scopefix/releases.py has no VERIFIED")


@nox.session
def demo(session: nox.Session) -> None:
    """Show the bug and the cure on a real server."""
    session.install("--quiet", ".", *group("demo"), silent=True)
    session.run(
        "python",
        "-m",
        "examples.demo",
        *session.posargs,
        # On Ctrl-C it has a server to end before it ends itself.
        interrupt_timeout=10,
    )


@nox.session
def test(session: nox.Session) -> None:
    """Run everything that one Python can run, against one release of ididi."""
    session.install(".", *group("test"), f"ididi=={REFERENCE}")
    session.run("pytest", *session.posargs)


@nox.session
def control(session: nox.Session) -> None:
    """See every test of what the shim does fail with the shim switched off."""
    session.install(".", *group("test"), f"ididi=={REFERENCE}")
    session.run("pytest", "--control", *COMPARED, *session.posargs)


@nox.session
def matrix(session: nox.Session) -> None:
    """Run the behaviour suite on every affected release of ididi."""
    session.install(".", *group("test"))
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


@nox.session(python=PYTHONS)
def pythons(session: nox.Session) -> None:
    """Run the whole suite on every Python that is installed here."""
    session.install(".", *group("test"), f"ididi=={REFERENCE}")
    session.run("pytest", "--quiet", *session.posargs)


@nox.session
@nox.parametrize("wrapt", ["oldest", "newest"])
def wrapt(session: nox.Session, wrapt: str) -> None:
    """Run the whole suite with either end of the range of wrapt."""
    pin = f"wrapt=={OLDEST_WRAPT}" if wrapt == "oldest" else "wrapt>=2"
    session.install(".", *group("test"), f"ididi=={REFERENCE}", pin)
    session.run("pytest", "--quiet", *session.posargs)


@nox.session
@nox.parametrize("environment", list(rows.ENVIRONMENTS), ids=list(rows.ENVIRONMENTS))
def servers(session: nox.Session, environment: str) -> None:
    """Try the example services under every server, or with --ci under some."""
    subset = "--ci" in session.posargs
    if subset and environment not in rows.subset_environments():
        session.skip("none of its rows differ in kind")
    requirements, oldest = rows.ENVIRONMENTS[environment]
    running = session.run(
        "python",
        "-c",
        "import sys; print(*sys.version_info[:2])",
        silent=True,
        log=False,
    )
    if tuple(map(int, running.split())) < oldest:
        session.skip(f"needs Python {'.'.join(map(str, oldest))}")
    session.install("--quiet", ".", "pytest>=8", *requirements, silent=True)
    session.run(
        "pytest",
        # What one of the programs needs is not to change how the tests run.
        "-p",
        "no:asyncio",
        "tests/servers",
        *(option for option in session.posargs if option != "--ci"),
        env={
            rows.VARIABLE: environment,
            # Set for this session, or else not at all.
            **({rows.SUBSET: "1"} if subset else {}),
        },
        interrupt_timeout=10,
    )


@nox.session
def soak(session: nox.Session) -> None:
    """Put a service with the bug under a hundred thousand requests."""
    session.install("--quiet", ".", *group("demo"), *SPEEDUPS, silent=True)
    session.run(
        "python",
        "-m",
        "tests.servers.soak",
        *session.posargs,
        interrupt_timeout=10,
    )


@nox.session
@nox.parametrize("environment", ["servers", "lihil"], ids=["servers", "lihil"])
def docs(session: nox.Session, environment: str) -> None:
    """Run the recipes of the documents that need a server."""
    requirements = (*group("test"), *group(f"docs-{environment}"))
    session.install("--quiet", ".", *requirements, silent=True)
    session.run(
        "pytest",
        "tests/docs",
        *session.posargs,
        env={"SCOPEFIX_DOCS": environment},
        interrupt_timeout=10,
    )


@nox.session
def compare(session: nox.Session) -> None:
    """Measure what there is instead of the shim, for the README's tables."""
    session.install("--quiet", ".", silent=True)
    for ididi, uvicorn in comparison.environments():
        requirements = (f"ididi=={ididi}", f"uvicorn=={uvicorn}")
        session.install("--quiet", *requirements, silent=True)
        session.run("python", "-m", "tests.docs.comparison", ididi, uvicorn)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure which branches of the package the tests take, children included."""
    session.install(".", *group("test"), "coverage>=7.10", f"ididi=={REFERENCE}")
    session.run("coverage", "erase")
    pytest = ("coverage", "run", "-m", "pytest", "--quiet", *session.posargs)
    try:
        # Measuring loads what an idle interpreter must not load.
        session.run(*pytest, "--deselect", f"{IDLE}::{LOADS}")
        session.install(f"ididi=={COMPILED}")
        session.run(*pytest, "tests/behaviour")
    finally:
        session.run("coverage", "combine", "--quiet")
        session.run("coverage", "report")


@nox.session
def lint(session: nox.Session) -> None:
    """Check style and types."""
    session.install(".", *group("lint"), *group("test"), "nox", f"ididi=={REFERENCE}")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("mypy")
    session.run("pyright")
    session.run("pyright", "--ignoreexternal", "--verifytypes", "ididi_scopefix")


MODEL_RELEASES = ("1.8.2", "1.8.4", "1.6.0", "1.5.4", "1.4.4")


@nox.session
def model(session: nox.Session) -> None:
    """Let the model run for long, races and faults too, on releases of each shape."""
    # 1.4.4 needs typing-extensions and does not say so.
    session.install(".", *group("test"), "typing-extensions")
    for release in MODEL_RELEASES:
        session.install("--quiet", f"ididi=={release}", silent=True)
        session.log(f"ididi {release}")
        profile = ("--hypothesis-profile", "long")
        session.run("pytest", "--quiet", "tests/model", *profile, *session.posargs)
        session.run("pytest", "--quiet", "tests/races", "tests/faults")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure what a call costs, with and without the shim."""
    session.install("pyperf", "wrapt")
    session.run("python", "-m", "benchmarks.bench", *session.posargs)
    session.run("python", "-m", "tests.docs.costs")


UPSTREAM_TESTS = ("graphviz", "pyinstrument", "pytest-asyncio")
"""What ididi's own tests need."""


@nox.session
@nox.parametrize("source", ["1.8.4", "1.8.5"], ids=["1.8.4", "1.8.5"])
def upstream(session: nox.Session, source: str) -> None:
    """Apply the fix for ididi itself, and run without the shim what it cures."""
    folder = str(Path(session.create_tmp(), source).resolve())
    session.install(".", *group("test"), *UPSTREAM_TESTS, "pyperf")
    session.run("python", "-m", "tests.upstream", source, folder)
    session.install(f"{folder}/after")
    # ididi's own tests need the plugin; it is not to change how ours run.
    pytest = ("pytest", "--quiet", "-p", "no:asyncio")
    session.run(*pytest, "--fixed", "tests/behaviour", *session.posargs)
    session.run(*pytest, "tests/upstream", env={"SCOPEFIX_UPSTREAM": folder})
    session.run("python", "-m", "benchmarks.upstream", folder)

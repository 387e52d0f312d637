"""The laboratory: README.md beside this file says what each session proves."""

from __future__ import annotations

import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from lab.agents import launchers
from lab.documents import comparison
from lab.servers import rows

PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
LIHIL = "0.2.41"
"""The release of lihil whose own suite is run."""
SHAPES = ("1.8.2", "1.8.4", "1.6.0", "1.5.4", "1.4.4")
"""A release of ididi for each shape of its scopes."""
SPEEDUPS = ("httptools", "uvloop")
"""What services under load have installed next to uvicorn."""
UPSTREAM_TESTS = ("graphviz", "pyinstrument", "pytest-asyncio")
"""What ididi's own tests need."""

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.envdir = ROOT / ".nox"


def group(name: str) -> tuple[str, ...]:
    """Return the requirements of one of the project's dependency groups."""
    return nox.project.dependency_groups(PROJECT, name)


def install(session: nox.Session, *requirements: str) -> None:
    """Install *requirements*, and go to the project's folder for what comes next."""
    session.chdir(ROOT)
    session.install("--quiet", *requirements, silent=True)


def run_rows(
    session: nox.Session, environment: str, *options: str, **variables: str
) -> None:
    """Run tests of servers with what is installed in *environment*."""
    install(session, ".", "httpx", "pytest>=8", *rows.ENVIRONMENTS[environment])
    session.run(
        # What one of the programs needs is not to change how the tests run.
        *("pytest", "-p", "no:asyncio", *options),
        env={rows.VARIABLE: environment, **variables},
        interrupt_timeout=10,
    )


@nox.session
@nox.parametrize("environment", list(rows.ENVIRONMENTS), ids=list(rows.ENVIRONMENTS))
def servers(session: nox.Session, environment: str) -> None:
    """Try the service under every server, or with --ci under some."""
    subset = "--ci" in session.posargs
    if subset and environment not in rows.subset_environments():
        session.skip("none of its rows differ in kind")
    if sys.version_info < (3, 10):
        session.skip("the newest servers need Python 3.10")
    options = (option for option in session.posargs if option != "--ci")
    # Set for this session, or else not at all.
    variables = {rows.SUBSET: "1"} if subset else {}
    run_rows(session, environment, "lab/servers", *options, **variables)


@nox.session
def isolation(session: nox.Session) -> None:
    """Attack each server that keeps requests apart with ten thousand requests."""
    tests = ("lab/servers/test_isolation.py", "-k", "under_load")
    options = ("--verbose", *tests, *session.posargs)
    for environment in rows.isolated_environments():
        run_rows(session, environment, *options, **{rows.REQUESTS: "10000"})


@nox.session
def soak(session: nox.Session) -> None:
    """Put a service with the bug under a hundred thousand requests."""
    install(session, ".", *group("demo"), *SPEEDUPS, "httpx")
    soak = ("python", "-m", "lab.servers.soak", *session.posargs)
    session.run(*soak, interrupt_timeout=10)


@nox.session
def lihil(session: nox.Session) -> None:
    """Run lihil's own suite with every call of an endpoint in an empty context."""
    # What its tests import.
    tools = ("pytest", "pytest-asyncio", "httpx", "httptools", "pydantic", "sqlalchemy")
    lihil = f"lihil[auth,standard]=={LIHIL}"
    install(session, ".", "pip", lihil, *tools)
    # It asks for a release that answers what its endpoints need, and works on
    # the one before as well.
    install(session, "ididi==1.8.3")
    folder = session.create_tmp()
    session.run(
        *("python", "-m", "pip", "download", "--quiet", "--no-deps"),
        *("--no-binary", "lihil", f"lihil=={LIHIL}", "--dest", folder),
        silent=True,
    )
    archive = f"{folder}/lihil-{LIHIL}.tar.gz"
    session.run("python", "-m", "lab.servers.lihil_suite", archive)


@nox.session
@nox.parametrize("agent", list(launchers.AGENTS), ids=list(launchers.AGENTS))
def agents(session: nox.Session, agent: str) -> None:
    """Start a program by the launcher of an agent, and a sandbox of Temporal's."""
    requirements = launchers.AGENTS[agent].requirements
    install(session, ".", *group("test-tools"), *requirements)
    install(session, "ididi==1.8.2")
    # Some agents have a plugin of pytest that does not know the newest one.
    plain = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    session.run("pytest", "lab/agents", env={launchers.VARIABLE: agent, **plain})


@nox.session
def command(session: nox.Session) -> None:
    """Run the command in real PEX and shiv programs."""
    install(session, ".", *group("test"), "pex", "shiv")
    pytest = ("python", "-m", "pytest", "-p", "tests.environments")
    session.run(*pytest, "lab/test_archives.py", *session.posargs)


@nox.session
@nox.parametrize("environment", ["servers", "lihil"], ids=["servers", "lihil"])
def docs(session: nox.Session, environment: str) -> None:
    """Run the recipes of the documents that need a server."""
    requirements = (*group("test-tools"), *group(f"docs-{environment}"))
    install(session, ".", *requirements)
    tests = ("tests/docs", "lab/documents", *session.posargs)
    session.run("pytest", *tests, env={"SCOPEFIX_DOCS": environment})


@nox.session
def compare(session: nox.Session) -> None:
    """Measure what there is instead of the shim, for the tables of the documents."""
    install(session, ".")
    for ididi, uvicorn in comparison.environments():
        requirements = (f"ididi=={ididi}", f"uvicorn=={uvicorn}")
        session.install("--quiet", *requirements, silent=True)
        session.run("python", "-m", "lab.documents.comparison", ididi, uvicorn)


def run_for_long(session: nox.Session, *tests: str) -> None:
    """Run *tests* for long on a release of each shape."""
    install(session, ".", *group("test-tools"))
    for release in SHAPES:
        install(session, f"ididi=={release}")
        session.log(f"ididi {release}")
        options = ("--quiet", "--hypothesis-profile", "long")
        session.run("pytest", *options, *tests, *session.posargs)


@nox.session
def model(session: nox.Session) -> None:
    """Let the model run for long, races and faults too, on releases of each shape."""
    run_for_long(session, "tests/model", "tests/races", "tests/faults")


@nox.session
def differential(session: nox.Session) -> None:
    """Run 10,000 random programs of each kind twice, on releases of each shape."""
    run_for_long(session, "tests/differential")


@nox.session
def mutants(session: nox.Session) -> None:
    """Change the code by machine, and see that the tests notice."""
    install(session, ".", *group("test"))
    session.run("python", "-m", "lab.mutants", *session.posargs)


@nox.session
@nox.parametrize("source", ["1.8.4", "1.8.5"], ids=["1.8.4", "1.8.5"])
def upstream(session: nox.Session, source: str) -> None:
    """Apply the fix for ididi itself, and run without the shim what it cures."""
    install(session, ".", *group("test-tools"), *UPSTREAM_TESTS)
    folder = str(Path(session.create_tmp(), source).resolve())
    session.run("python", "-m", "lab.upstream.source", source, folder)
    install(session, f"{folder}/after")
    # ididi's own tests need the plugin; it is not to change how ours run.
    pytest = ("pytest", "--quiet", "-p", "no:asyncio")
    session.run(*pytest, "--fixed", "tests/behaviour", *session.posargs)
    session.run(*pytest, "lab/upstream", env={"SCOPEFIX_UPSTREAM": folder})
    session.run("python", "-m", "lab.benchmarks.upstream", folder)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure what a call, a start and a request cost, with and without the shim."""
    install(session, "packaging", "wrapt")
    session.run("python", "-m", "lab.benchmarks", *session.posargs)

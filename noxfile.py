"""The sessions behind the Makefile's targets."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import nox

# This file's folder is where nox runs, but not where it imports from.
sys.path.insert(0, str(Path(__file__).parent))
from tests.docs import comparison
from tests.servers import rows

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
OLDEST_WRAPT = "1.16.0"
COMPILED = "1.5.4"
"""A release of ididi that is patched the other way."""
COVERED = 96
"""The percentage of the package that the tests have to reach."""
IDLE = "tests/start_up/test_idle.py"
LOADS = "test_an_idle_interpreter_loads_one_module_more"
COMPARED = ("tests/behaviour", "tests/model", "tests/races", "tests/faults")
"""The tests that fail with the shim off."""
SPEEDUPS = ("httptools", "uvloop", "websockets")
"""What services under load have installed next to uvicorn."""
LIHIL = "0.2.41"
"""The release of lihil whose own suite is run."""
WHEELS = ("--only-binary", "hypothesis")
"""Where its newest release has no wheel, on PyPy for one, an older one will do."""

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
    # CI names the wheel that it has built once, for every Python to try.
    package = os.environ.get("SCOPEFIX_WHEEL", ".")
    session.install(*WHEELS, package, *group("test"))
    session.run("pytest", *session.posargs)


@nox.session
def control(session: nox.Session) -> None:
    """See every test of what the shim does fail with the shim switched off."""
    session.install(".", *group("test"))
    session.run("pytest", "--control", *COMPARED, *session.posargs)


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


# nox does not know these from the classifiers.
OTHER_PYTHONS = ["3.13t", "3.14t", "pypy3.11"]


@nox.session(python=[*PYTHONS, *OTHER_PYTHONS])
def pythons(session: nox.Session) -> None:
    """Run the whole suite on every Python that is installed here."""
    session.install(*WHEELS, ".", *group("test"))
    session.run("pytest", "--quiet", *session.posargs)


@nox.session
@nox.parametrize("wrapt", ["oldest", "newest"])
def wrapt(session: nox.Session, wrapt: str) -> None:
    """Run the whole suite with either end of the range of wrapt."""
    pin = f"wrapt=={OLDEST_WRAPT}" if wrapt == "oldest" else "wrapt>=2"
    session.install(".", *group("test"), pin)
    session.run("pytest", "--quiet", *session.posargs)


@nox.session
@nox.parametrize("environment", list(rows.ENVIRONMENTS), ids=list(rows.ENVIRONMENTS))
def servers(session: nox.Session, environment: str) -> None:
    """Try the example services under every server, or with --ci under some."""
    subset = "--ci" in session.posargs
    if subset and environment not in rows.subset_environments():
        session.skip("none of its rows differ in kind")
    require_python(session, rows.ENVIRONMENTS[environment].python)
    options = (option for option in session.posargs if option != "--ci")
    # Set for this session, or else not at all.
    variables = {rows.SUBSET: "1"} if subset else {}
    run_rows(session, environment, "tests/servers", *options, **variables)


@nox.session
def isolation(session: nox.Session) -> None:
    """Attack each server that keeps requests apart with ten thousand requests."""
    tests = ("tests/servers/test_isolation.py", "-k", "under_load")
    options = ("--quiet", "--capture=no", *tests, *session.posargs)
    for environment in rows.isolated_environments():
        run_rows(session, environment, *options, **{rows.REQUESTS: "10000"})


def require_python(session: nox.Session, oldest: tuple[int, int]) -> None:
    """Skip the session where its Python is older than *oldest*."""
    ask = ("python", "-c", "import sys; print(*sys.version_info[:2])")
    running = str(session.run(*ask, silent=True, log=False))
    if tuple(map(int, running.split())) < oldest:
        session.skip(f"needs Python {'.'.join(map(str, oldest))}")


def run_rows(
    session: nox.Session, environment: str, *options: str, **variables: str
) -> None:
    """Run tests of servers with what is installed in *environment*."""
    requirements, _ = rows.ENVIRONMENTS[environment]
    session.install("--quiet", ".", "httpx", "pytest>=8", *requirements, silent=True)
    session.run(
        # What one of the programs needs is not to change how the tests run.
        *("pytest", "-p", "no:asyncio", *options),
        env={rows.VARIABLE: environment, **variables},
        interrupt_timeout=10,
    )


@nox.session
def soak(session: nox.Session) -> None:
    """Put a service with the bug under a hundred thousand requests."""
    session.install("--quiet", ".", *group("demo"), *SPEEDUPS, "httpx", silent=True)
    session.run(
        "python",
        "-m",
        "tests.servers.soak",
        *session.posargs,
        interrupt_timeout=10,
    )


@nox.session
def lihil(session: nox.Session) -> None:
    """Run lihil's own suite with every call of an endpoint in an empty context."""
    # What its tests import.
    tools = ("pytest", "pytest-asyncio", "httpx", "httptools", "pydantic", "sqlalchemy")
    lihil = f"lihil[auth,standard]=={LIHIL}"
    session.install("--quiet", ".", "pip", lihil, *tools, silent=True)
    # It asks for a release that answers what its endpoints need, and works on
    # the one before as well.
    session.install("--quiet", "ididi==1.8.3", silent=True)
    folder = session.create_tmp()
    session.run(
        *("python", "-m", "pip", "download", "--quiet", "--no-deps"),
        *("--no-binary", "lihil", f"lihil=={LIHIL}", "--dest", folder),
        silent=True,
    )
    archive = f"{folder}/lihil-{LIHIL}.tar.gz"
    session.run("python", "-m", "tests.servers.lihil_suite", archive)


@nox.session
@nox.parametrize("environment", ["servers", "lihil"], ids=["servers", "lihil"])
def docs(session: nox.Session, environment: str) -> None:
    """Run the recipes of the documents that need a server."""
    requirements = (*group("test-tools"), *group(f"docs-{environment}"))
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
    """Measure what there is instead of the shim, for the tables of the documents."""
    session.install("--quiet", ".", silent=True)
    for ididi, uvicorn in comparison.environments():
        requirements = (f"ididi=={ididi}", f"uvicorn=={uvicorn}")
        session.install("--quiet", *requirements, silent=True)
        session.run("python", "-m", "tests.docs.comparison", ididi, uvicorn)


@nox.session
def coverage(session: nox.Session) -> None:
    """Measure which branches of the package the tests take, children included."""
    session.install(".", *group("test"), "coverage>=7.10")
    session.run("coverage", "erase")
    pytest = ("coverage", "run", "-m", "pytest", "--quiet", *session.posargs)
    try:
        # Measuring loads what an idle interpreter must not load.
        session.run(*pytest, "--deselect", f"{IDLE}::{LOADS}")
        session.install(f"ididi=={COMPILED}")
        session.run(*pytest, "tests/behaviour")
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


MODEL_RELEASES = ("1.8.2", "1.8.4", "1.6.0", "1.5.4", "1.4.4")


@nox.session
def model(session: nox.Session) -> None:
    """Let the model run for long, races and faults too, on releases of each shape."""
    session.install(".", *group("test-tools"))
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


WORKFLOWS = Path(".github/workflows")
DIST = Path("dist")
INSTALLED = ("ididi-scopefix", "packaging", "wrapt")
"""What installing the wheel installs."""


@nox.session
def audit(session: nox.Session) -> None:
    """Check the package with the tools of those who have to allow it."""
    install_auditors(session)
    folder = Path(session.create_tmp()) / "dist"
    check_package(session, *build(session, folder))
    check_workflows(session)
    # The lists of files, the hash of the start-up line, and two builds of it.
    session.run("pytest", "--quiet", "tests/package", *session.posargs)


@nox.session
def release(session: nox.Session) -> None:
    """Build once what is published, where nothing is installed but what builds it."""
    session.install("--quiet", "build", silent=True)
    dirty = git(session, "status", "--porcelain", "--ignored=no")
    if dirty:
        session.error(f"a release is built from a clean checkout:\n{dirty}")
    session.env["SOURCE_DATE_EPOCH"] = git(session, "log", "-1", "--format=%ct")
    sdist, wheel = build(session, DIST)
    tag = os.environ.get("GITHUB_REF_NAME")
    if tag and sdist.name != f"ididi_scopefix-{tag[1:]}.tar.gz":
        session.error(f"the tag is {tag}, but this was built: {sdist.name}")
    check_words(session, wheel)
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}\n"
        for file in sorted((sdist, wheel))
    ]
    (DIST / "SHA256SUMS").write_text("".join(lines), encoding="ascii")


@nox.session
def check(session: nox.Session) -> None:
    """Check what the session `release` has built, and list what gets installed."""
    (sdist,), (wheel,) = DIST.glob("*.tar.gz"), DIST.glob("*.whl")
    install_auditors(session, str(wheel))
    check_package(session, sdist, wheel, sbom=DIST / "sbom.cdx.json")
    session.run(
        *("pytest", "--quiet", "tests/package", *session.posargs),
        env={"SCOPEFIX_WHEEL": str(wheel)},
    )


def install_auditors(session: nox.Session, package: str = ".") -> None:
    """Install what the checks need; skip the session where that isn't possible."""
    require_python(session, (3, 11))  # for zizmor and autorun-audit
    session.install("--quiet", package, *group("audit"), *group("test"), silent=True)


def git(session: nox.Session, *arguments: str) -> str:
    """Return what git says about this checkout."""
    answer = session.run("git", *arguments, external=True, silent=True, log=False)
    return str(answer).strip()


def build(session: nox.Session, folder: Path) -> tuple[Path, Path]:
    """Build sdist and wheel, the wheel from the sdist, into an empty *folder*."""
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(folder), silent=True)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


def check_words(session: nox.Session, wheel: Path) -> None:
    """Refuse a wheel that names no home, or that SECURITY.md can't verify."""
    security = Path("SECURITY.md").read_text(encoding="utf-8")
    texts = {"METADATA": metadata(wheel, "METADATA"), "SECURITY.md": security}
    for name, text in texts.items():
        if "example.org" in text:
            session.error(f"{name} still has addresses at example.org")
    used = re.findall(r"Generator: hatchling (\S+)", metadata(wheel, "WHEEL"))
    if used != re.findall(r"hatchling==([\w.]+)", security):
        session.error(f"built by hatchling {', '.join(used)}: say so in SECURITY.md")


def metadata(wheel: Path, name: str) -> str:
    """Return one of the files about *wheel* that are in it."""
    package = "-".join(wheel.name.split("-")[:2])
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(f"{package}.dist-info/{name}").decode()


def check_package(
    session: nox.Session, sdist: Path, wheel: Path, sbom: Path | None = None
) -> None:
    """Check an sdist and a wheel, and write the list of what gets installed."""
    session.run("twine", "check", "--strict", str(sdist), str(wheel))
    session.run("check-wheel-contents", str(wheel))
    session.run("validate-pyproject", "pyproject.toml")
    session.run("pyroma", "--min", "10", str(sdist))
    for package in (sdist, wheel):
        found = session.run(
            *("guarddog", "pypi", "scan", "--output-format", "json"),
            # The sandbox is for hostile archives, and not every machine has one.
            *("--no-sandbox", str(package.resolve())),
            silent=True,
            # It would like to fetch lists of popular packages, and goes on without.
            stderr=subprocess.DEVNULL,
        )
        answer = json.loads(str(found))
        # What code is able to do, to read a file for one, is listed, but no risk.
        if answer["risks"] or answer["errors"]:
            told = {kind: answer[kind] for kind in ("errors", "risks")}
            session.error(f"guarddog, on {package.name}: {json.dumps(told, indent=2)}")
    installed = Path(session.create_tmp()).resolve() / "installed"
    session.run("python", "-m", "venv", "--clear", "--without-pip", str(installed))
    python = str(next(installed.glob("[bS]*/python*")))
    pip = ("python", "-m", "pip", "--python", python, "install", "--quiet")
    # By its name: what is installed by its path is listed with that path. And then
    # what it requires.
    here = ("--no-index", "--no-deps", "--find-links", str(wheel.parent))
    session.run(*pip, *here, "ididi-scopefix", silent=True)
    session.run(*pip, "ididi-scopefix", silent=True)
    # An import line of a .pth file is MEDIUM, whatever it imports.
    session.run("autorun-audit", "env", "--python", python, "--fail-on", "high")
    target = sbom or installed / "sbom.cdx.json"
    session.run(
        *("cyclonedx-py", "environment", "--output-reproducible"),
        *("--output-file", str(target), python),
    )
    listed = target.read_text(encoding="utf-8")
    parts = json.loads(listed)["components"]
    names = sorted(str(part.get("purl", part["name"])).split("@")[0] for part in parts)
    if names != [f"pkg:pypi/{name}" for name in INSTALLED]:
        session.error(f"the wheel brings along {', '.join(names)}")
    if "file:" in listed:
        session.error("the list of what gets installed names files of this machine")


def check_workflows(session: nox.Session) -> None:
    """Check what runs on the hosting service, without asking it."""
    session.run("zizmor", "--offline", "--pedantic", "--strict-collection", ".github")
    schema = ("check-jsonschema", "--builtin-schema")
    workflows = sorted(str(file) for file in WORKFLOWS.glob("*.yml"))
    session.run(*schema, "vendor.github-workflows", *workflows)
    session.run(*schema, "vendor.dependabot", ".github/dependabot.yml")


UPSTREAM_TESTS = ("graphviz", "pyinstrument", "pytest-asyncio")
"""What ididi's own tests need."""


@nox.session
@nox.parametrize("source", ["1.8.4", "1.8.5"], ids=["1.8.4", "1.8.5"])
def upstream(session: nox.Session, source: str) -> None:
    """Apply the fix for ididi itself, and run without the shim what it cures."""
    folder = str(Path(session.create_tmp(), source).resolve())
    session.install(".", *group("test-tools"), *UPSTREAM_TESTS, "pyperf")
    session.run("python", "-m", "tests.upstream", source, folder)
    session.install(f"{folder}/after")
    # ididi's own tests need the plugin; it is not to change how ours run.
    pytest = ("pytest", "--quiet", "-p", "no:asyncio")
    session.run(*pytest, "--fixed", "tests/behaviour", *session.posargs)
    session.run(*pytest, "tests/upstream", env={"SCOPEFIX_UPSTREAM": folder})
    session.run("python", "-m", "benchmarks.upstream", folder)


@nox.session
def differential(session: nox.Session) -> None:
    """Run 10,000 random programs of each kind twice, on releases of each shape."""
    session.install(".", *group("test-tools"))
    for release in MODEL_RELEASES:
        session.install("--quiet", f"ididi=={release}", silent=True)
        session.log(f"ididi {release}")
        profile = ("--hypothesis-profile", "long")
        session.run(
            "pytest", "--quiet", "tests/differential", *profile, *session.posargs
        )


@nox.session
def mutants(session: nox.Session) -> None:
    """Change the code by machine, and see that the tests notice."""
    session.install("pip")
    tools = ("coverage>=7.10", "typing-extensions", "wrapt", "packaging")
    requirements = (*group("test"), *tools)
    install = (f"--install={each}" for each in requirements)
    session.run("python", "-m", "tests.mutants", *install, *session.posargs)

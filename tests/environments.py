"""Real interpreters in virtual environments that are thrown away.

What is made once in a run is shared by the tests of start-up and of the command.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import version
from pathlib import Path
from textwrap import dedent
from typing import Any, Callable, NamedTuple

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[1]
START_UP_FILE = "ididi-scopefix.pth"

WHEEL = os.environ.get("SCOPEFIX_WHEEL")
"""The wheel that is to be tested, if it is not made from the checkout."""

# In a git hook git's are set, and a commit would go into the hook's repository.
DROPPED = ("GIT_", "IDIDI_SCOPEFIX", "NO_COLOR", "PYTHON", "VIRTUAL_ENV")
"""How the names of variables begin that are not for the children of a test."""


def clean(**variables: str) -> dict[str, str]:
    """Return this process's environment without what this suite is run with."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(DROPPED)
    }
    return {**kept, **variables}


class Environment(NamedTuple):
    """A virtual environment, in a folder of its own."""

    folder: Path

    @property
    def scripts(self) -> Path:
        """The folder of its programs."""
        return self._path("scripts")

    @property
    def python(self) -> str:
        """Its interpreter."""
        return str(self.scripts / "python")

    @property
    def packages(self) -> Path:
        """Its site-packages."""
        return self._path("purelib")

    @property
    def command(self) -> str:
        """Its ididi-scopefix."""
        return str(self.scripts / "ididi-scopefix")

    def _path(self, name: str) -> Path:
        scheme = "nt" if os.name == "nt" else "posix_prefix"
        return Path(sysconfig.get_path(name, scheme, {"base": str(self.folder)}))

    def copy(self, folder: Path) -> Environment:
        """Make another environment with the same packages."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Environment(folder)

    def pip(self, *arguments: str) -> None:
        """Run its pip."""
        run(self.python, "-m", "pip", "--disable-pip-version-check", *arguments)

    def run(
        self, code: str, *options: str, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run a program in its interpreter and expect it to end well."""
        __tracebackhide__ = True
        return run(self.python, *options, "-c", dedent(code), **variables)

    def files(self) -> set[str]:
        """Return all files in it, but the bytecode of what is not ours."""
        files = {str(file.relative_to(self.folder)) for file in self.folder.rglob("*")}
        return {name for name in files if "__pycache__" not in name or "ididi" in name}


def run(*command: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run *command* as :func:`attempt` does, and expect it to end well."""
    __tracebackhide__ = True
    finished = attempt(*command, **options)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished


def attempt(
    *command: str,
    folder: Path | None = None,
    encoding: str | None = None,
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    """Run *command*, in some *folder* that is nobody's, however it ends."""
    return subprocess.run(
        command,
        env=clean(**variables),
        cwd=folder or ROOT.anchor,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding=encoding,
        timeout=120,
        check=False,
    )


def create(folder: Path) -> Environment:
    """Create an environment that has pip and nothing else."""
    base = getattr(sys, "_base_executable", sys.executable)
    run(base, "-m", "venv", str(folder))
    environment = Environment(folder)
    if "COVERAGE_PROCESS_CONFIG" in os.environ:
        # Its interpreters are measured as well, from before the shim is imported.
        import coverage

        package = Path(coverage.__file__).parent
        shutil.copytree(package, environment.packages / "coverage")
        line = "import coverage; coverage.process_startup()\n"
        (environment.packages / "a1_coverage.pth").write_text(line, encoding="utf-8")
    return environment


IN_AN_EMPTY_CONTEXT = """
from contextvars import Context
from ididi import Graph

def main():
    with graph.scope("request") as scope:
        return scope

graph = Graph()
try:
    print(Context().run(main).name)
except LookupError as error:
    print(type(error).__name__)
"""
"""Prints ``request`` where the shim is active and ``LookupError`` elsewhere."""


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for what is made once, shared by the workers of a parallel run."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    folder /= "workshop"
    folder.mkdir(exist_ok=True)
    return folder


def once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Have *make* fill *folder* unless a worker has done so, and return it."""
    done = folder.with_name(f"{folder.name}.done")
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def empty(workshop: Path) -> Environment:
    """An environment that has pip and nothing else; not to be changed."""
    return Environment(once(workshop / "empty", create))


def backend() -> str:
    """Return what pyproject.toml asks for to build the package."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (requirement,) = re.findall(r'^requires = \["(.+)"\]', text, flags=re.MULTILINE)
    return str(requirement)


@pytest.fixture(scope="session")
def wheels(workshop: Path, empty: Environment) -> Path:
    """The wheels of the shim, and of what this process has beside it.

    They are of the same versions: the oldest wrapt is the oldest here, too.
    """

    def make(folder: Path) -> None:
        builder = empty.copy(folder.with_name("builder"))
        names = ("ididi", "packaging", "wrapt")
        # The last two are what builds a wheel, and an editable one.
        others = (*(f"{each}=={version(each)}" for each in names), backend())
        builder.pip("wheel", "--quiet", f"--wheel-dir={folder}", *others, "editables")
        builder.pip("install", "--no-index", f"--find-links={folder}", "hatchling")
        if WHEEL:
            # Its path is relative to the checkout, where nox runs.
            shutil.copy(ROOT / WHEEL, folder)
        else:
            options = ("--quiet", "--no-deps", "--no-build-isolation", str(ROOT))
            builder.pip("wheel", f"--wheel-dir={folder}", *options)

    return once(workshop / "wheels", make)


def extended(folder: Path, base: Environment, wheels: Path, name: str) -> Environment:
    """Return the environment in *folder*: *base* with one of the *wheels* more."""

    def make(folder: Path) -> None:
        base.copy(folder).pip("install", "--no-index", f"--find-links={wheels}", name)

    return Environment(once(folder, make))


@pytest.fixture(scope="session")
def plain(workshop: Path, empty: Environment, wheels: Path) -> Environment:
    """An environment that has ididi and not the shim; not to be changed."""
    return extended(workshop / "plain", empty, wheels, "ididi")


@pytest.fixture(scope="session")
def installed(workshop: Path, plain: Environment, wheels: Path) -> Environment:
    """An environment that has ididi and the shim; not to be changed."""
    return extended(workshop / "installed", plain, wheels, "ididi-scopefix")


@pytest.fixture
def copy(installed: Environment, tmp_path: Path) -> Environment:
    """An environment that has ididi and the shim; a test's own."""
    without_pip = shutil.ignore_patterns("pip", "pip-*")
    folder = tmp_path / "copy"
    shutil.copytree(installed.folder, folder, symlinks=True, ignore=without_pip)
    return Environment(folder)

"""A program that is started by an agent's launcher has the agent and the shim."""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from ididi_scopefix.command.run import HIDING
from lab.agents import launchers
from tests import environments

AGENT = launchers.AGENTS.get(launchers.installed())

pytestmark = pytest.mark.skipif(
    AGENT is None or not AGENT.launcher, reason="`make agents` installs an agent"
)

HERE = Path(sys.executable).parent
RUN = (sys.executable, "-m", "ididi_scopefix", "run")
CURED = ["request", "request"]

PROGRAM = """
import json
import sys
from contextvars import Context
from ididi import Graph
graph = Graph()

def names():
    with graph.scope("request") as scope:
        return [graph.use_scope().name, scope.name]

try:
    found = Context().run(names)
except LookupError:
    found = "LookupError"
print(json.dumps({"found": found, "modules": sorted(sys.modules)}))
"""


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The programs of an environment that has the agent and no start-up file."""
    assert AGENT is not None
    environment = environments.create(tmp_path / "environment")
    path = f"{sysconfig.get_path('purelib')}\n"
    (environment.packages / "tests.pth").write_text(path, encoding="utf-8")
    # The launcher is to be run by the interpreter that it starts the program in.
    script = environment.scripts / AGENT.launcher[0]
    _, _, code = (HERE / script.name).read_text(encoding="utf-8").partition("\n")
    script.write_text(f"#!{environment.python}\n{code}", encoding="utf-8")
    script.chmod(0o755)
    return environment.scripts


def launched(scripts: Path) -> tuple[str, ...]:
    """Return how the launcher of an environment is called."""
    assert AGENT is not None
    launcher, *options = AGENT.launcher
    return (str(scripts / launcher), *options)


def started(
    folder: Path, *command: str, switch: str = "1"
) -> subprocess.CompletedProcess[str]:
    """Run *command*, with the program as its last argument, and expect an end."""
    (folder / "app.py").write_text(PROGRAM, encoding="utf-8")
    return environments.run(
        *(*command, "app.py"),
        folder=folder,
        PATH=f"{HERE}:/usr/bin:/bin",
        IDIDI_SCOPEFIX=switch,
        **launchers.SETTINGS,
    )


def found(ended: subprocess.CompletedProcess[str]) -> Any:
    """Return what the program has found in an empty context, beside the agent."""
    assert AGENT is not None
    said = json.loads(ended.stdout.splitlines()[-1])
    assert AGENT.module in said["modules"]
    return said["found"]


def test_the_installed_shim_is_active(tmp_path: Path) -> None:
    """The agent wraps what is imported, and ididi is patched all the same."""
    ended = started(tmp_path, *launched(HERE), sys.executable)

    assert found(ended) == CURED


def test_without_the_shim_the_program_fails(tmp_path: Path, bare: Path) -> None:
    """No agent puts a scope into an empty context."""
    ended = started(tmp_path, *launched(HERE), sys.executable, switch="0")
    assert found(ended) == "LookupError"

    ended = started(tmp_path, *launched(bare), str(bare / "python"))
    assert found(ended) == "LookupError"


def test_run_behind_the_launcher_has_both(tmp_path: Path, bare: Path) -> None:
    """The program's interpreter has no start-up file of the shim."""
    ended = started(tmp_path, *launched(bare), *RUN, str(bare / "python"))

    assert found(ended) == CURED


def test_run_before_the_launcher_has_both_or_says_why(
    tmp_path: Path, bare: Path
) -> None:
    """Two launchers hide the sitecustomize of ``run``; the others look further."""
    ended = started(tmp_path, *RUN, *launched(bare), str(bare / "python"))

    launcher = launched(bare)[0].rpartition("/")[2]
    instead = f"Write instead: {launcher} ... ididi-scopefix run PROGRAM"
    hidden = launcher in HIDING
    assert found(ended) == ("LookupError" if hidden else CURED)
    assert (instead in ended.stderr) == hidden

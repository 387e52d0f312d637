"""A program that is started by an agent's launcher has the agent and the shim."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lab.agents import launchers
from tests.environments import clean

AGENT = launchers.AGENTS.get(launchers.installed())

pytestmark = pytest.mark.skipif(
    AGENT is None or not AGENT.launcher, reason="`make agents` installs an agent"
)

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
import ididi_scopefix
state = ididi_scopefix.status().state
print(json.dumps({"found": found, "state": state, "modules": sorted(sys.modules)}))
"""


def started(folder: Path, *command: str, switch: str = "1") -> dict[str, object]:
    """Start the program by the launcher, and return what it says of itself."""
    assert AGENT is not None
    (folder / "app.py").write_text(PROGRAM, encoding="utf-8")
    launcher, *options = AGENT.launcher
    scripts = Path(sys.executable).parent
    ended = subprocess.run(
        [str(scripts / launcher), *options, *command, sys.executable, "app.py"],
        cwd=folder,
        env=clean(
            PATH=f"{scripts}:/usr/bin:/bin",
            IDIDI_SCOPEFIX=switch,
            **launchers.SETTINGS,
        ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 0, ended.stderr
    said: dict[str, object] = json.loads(ended.stdout.splitlines()[-1])
    modules = said.pop("modules")
    assert isinstance(modules, list)
    assert AGENT.module in modules
    return said


CURED = {"found": ["request", "request"], "state": "active"}


def test_the_installed_shim_is_active(tmp_path: Path) -> None:
    """The agent wraps what is imported, and ididi is patched all the same."""
    assert started(tmp_path) == CURED


def test_the_launcher_starts_a_program_of_run(tmp_path: Path) -> None:
    """The launcher comes first and ``run`` last, next to the program."""
    run = (sys.executable, "-m", "ididi_scopefix", "run")

    assert started(tmp_path, *run) == CURED


def test_without_the_shim_the_program_fails(tmp_path: Path) -> None:
    """No agent puts a scope into an empty context."""
    assert started(tmp_path, switch="0") == {
        "found": "LookupError",
        "state": "disabled",
    }

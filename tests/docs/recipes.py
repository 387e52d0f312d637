"""Runs the code blocks of a section, as a reader would by copying them."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

from tests import environments
from tests.docs.markdown import DOCUMENTS, ROOT, Document
from tests.pythons import EMPTY_THREADS
from tests.serving import HOST, Server

if TYPE_CHECKING:
    from tests.docs.markdown import Block, Section

VARIABLE = "SCOPEFIX_DOCS"
"""Names the environment that the tests run in; without it, it has no server."""

PYTHON = sys.executable
"""The interpreter of the environment that the tests run in."""

BASH = shutil.which("bash") or "bash"
"""The first on PATH; by its name alone, Windows finds another one before it."""

PLAIN, SERVERS, LIHIL = "plain", "servers", "lihil"

NOXFILES = ("noxfile.py", "lab/noxfile.py", "release/noxfile.py")

RUN = ("python", "sh", "console", "dockerfile")
"""The languages whose blocks are run."""

_TOOLS = re.compile(r"\b(fastapi|uvicorn|gunicorn|prometheus_client|pyinstaller|uv)\b")
"""What only the environment of the servers has, or what takes long."""


def environment() -> str:
    """Return the environment that the tests run in."""
    name = os.environ.get(VARIABLE, PLAIN)
    assert name in (PLAIN, SERVERS, LIHIL)
    return name


def sections() -> list[Section]:
    """Return the sections that are run in this environment."""
    return [
        section
        for document in DOCUMENTS
        for section in Document(document).sections
        if any(block.language in RUN for block in section.blocks)
        # That one is for a clone, and has a test of its own.
        and not any("pip install .\n" in block.text for block in section.blocks)
        and _environment_of(section) == environment()
    ]


def _environment_of(section: Section) -> str:
    """Return the one environment that has what *section* uses."""
    text = "".join(block.text for block in section.blocks if block.language in RUN)
    if "lihil" in text:
        return LIHIL
    return SERVERS if _TOOLS.search(text) else PLAIN


def commands(block: Block) -> list[str]:
    """Return the commands of a block, without comments."""
    lines = block.text.replace("\\\n", " ").splitlines()
    found = []
    for line in lines:
        if block.language == "console":
            if line.startswith("$ "):
                found.append(line[2:])
        elif line.strip() and not line.startswith("#"):
            found.append(line)
    return found


def is_of_the_project(command: str) -> bool:
    """Tell whether *command* is one of the project's own, too long to run here."""
    return shlex.split(command)[0] in ("make", ".venv/bin/nox")


def started(command: str, folder: Path, **variables: str) -> Server:
    """Return a server, to be started by *command* in *folder*."""
    path = os.pathsep.join([str(Path(PYTHON).parent), os.environ["PATH"]])
    return _Command(command, folder, environments.clean(PATH=path, **variables))


class Recipe:
    """A section's blocks, run one after the other in a folder of its own.

    Args:
        folder: the folder, which is empty.
        python: the interpreter; its folder comes first on ``PATH``.
        variables: the environment, on top of this process's.
    """

    def __init__(self, folder: Path, python: str, **variables: str) -> None:
        self._folder = folder
        self._python = python
        scripts = str(Path(python).parent)
        path = os.pathsep.join([scripts, os.environ["PATH"]])
        self._environment = environments.clean(PATH=path, **EMPTY_THREADS, **variables)

    def run(self, section: Section) -> None:
        """Run *section*, and expect of each block what it promises."""
        for block in section.inherited:
            if block.language == "python" and block.name:
                self._save(block)
        for block in section.blocks:
            self._run(block)

    def _run(self, block: Block) -> None:
        if block.language == "dockerfile":
            self._build(block)
        elif block.name == "server":
            (command,) = commands(block)
            self._serve(command)
        elif block.language == "python" and block.name:
            self._save(block)
        elif block.language == "python":
            self._check([self._python, "-c", block.text], block)
        elif block.language == "sh":
            script = "\n".join(
                line for line in commands(block) if not is_of_the_project(line)
            )
            self._check([BASH, "-e", "-c", script], block)
        elif block.language == "console":
            self._compare(block)

    def _save(self, block: Block) -> None:
        path = self._folder / block.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")

    def _check(self, command: list[str], block: Block) -> None:
        __tracebackhide__ = True
        child = self._start(command)
        assert child.returncode == 0, f"line {block.line}: {child.stdout}"

    def _compare(self, block: Block) -> None:
        """Run the commands, and expect the output that stands below each."""
        __tracebackhide__ = True
        parts = re.split(r"^\$ (.*)\n", block.text, flags=re.MULTILINE)[1:]
        for command, expected in zip(parts[::2], parts[1::2]):
            output = self._start([BASH, "-e", "-c", command]).stdout
            pattern = ".*".join(map(re.escape, expected.rstrip().split("...")))
            assert re.fullmatch(pattern, output.rstrip(), re.DOTALL), output

    def _start(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self._folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )

    def _serve(self, command: str, **variables: str) -> None:
        """Start a server: it answers 200, and 500 with the shim switched off."""
        for switch, expected in (("1", 200), ("0", 500)):
            environment = {**variables, **self._environment, "IDIDI_SCOPEFIX": switch}
            with _Command(command, self._folder, environment) as server:
                assert server.request("GET", "/").status == expected, server.log()

    def _build(self, block: Block) -> None:
        """Do what an image's file says, but in this folder and environment."""
        variables: dict[str, str] = {}
        for line in commands(block):
            instruction, _, rest = line.partition(" ")
            if instruction == "RUN":
                self._check([BASH, "-e", "-c", rest], block)
            elif instruction == "ENV":
                variables.update(pair.split("=", 1) for pair in shlex.split(rest))
            elif instruction == "CMD":
                self._serve(shlex.join(json.loads(rest)), **variables)
            else:
                assert instruction in ("FROM", "WORKDIR", "COPY")


class _Command(Server):
    """A server that is started by a command line, on a free port.

    The command lines in the documents name no port. uvicorn and gunicorn take
    it from the environment.
    """

    def __init__(self, command: str, folder: Path, environment: dict[str, str]) -> None:
        super().__init__((command,))
        self._folder = folder
        self._variables = environment

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [BASH, "-c", f"exec {self._command[0]}"],
            cwd=self._folder,
            env={
                **self._variables,
                "UVICORN_HOST": HOST,
                "UVICORN_PORT": str(self.port),
                "GUNICORN_CMD_ARGS": f"--bind {HOST}:{self.port}",
                "PYTHONUNBUFFERED": "1",
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def make_targets() -> set[str]:
    """Return the targets of the Makefile."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))


def nox_sessions() -> set[str]:
    """Return the sessions of the noxfiles: of the project, the lab and a release."""
    return {
        node.name
        for file in NOXFILES
        for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.decorator_list
    }

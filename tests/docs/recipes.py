"""Runs the code blocks of a section, as a reader would by copying them."""

from __future__ import annotations

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
from tests.docs.markdown import DOCUMENTS, Document
from tests.pythons import EMPTY_THREADS
from tests.serving import HOST, Server

if TYPE_CHECKING:
    from tests.docs.markdown import Block, Section

BASH = shutil.which("bash") or "bash"
"""The first on PATH; by its name alone, Windows finds another one before it."""

PLAIN, SERVERS, LIHIL = "plain", "servers", "lihil"

ENVIRONMENT = os.environ.get("SCOPEFIX_DOCS", PLAIN)
"""The environment that the tests run in."""

RUN = ("python", "sh", "console", "dockerfile")
"""The languages whose blocks are run."""

_TOOLS = re.compile(r"\b(fastapi|uvicorn|gunicorn|prometheus_client|pyinstaller|uv)\b")
"""What only the environment of the servers has, or what takes long."""

_TARGETS = re.compile(r"^make .*\n", re.MULTILINE)
"""The project's own commands, too long to run here."""


def sections() -> list[Section]:
    """Return the sections that are run in this environment."""
    return [
        section
        for document in DOCUMENTS
        for section in Document(document).sections
        if any(block.language in RUN for block in section.blocks)
        and _environment_of(section) == ENVIRONMENT
    ]


def _environment_of(section: Section) -> str:
    """Return the one environment that has what *section* uses."""
    text = "".join(block.text for block in section.blocks if block.language in RUN)
    if "lihil" in text:
        return LIHIL
    return SERVERS if _TOOLS.search(text) else PLAIN


def started(command: str, folder: Path, **variables: str) -> Server:
    """Return a server, to be started by *command* in *folder*."""
    return _Command(command, Recipe(folder, sys.executable, **variables))


class Recipe:
    """A section's blocks, run one after the other in a folder of its own.

    Args:
        folder: the folder, which has what a reader has.
        python: the interpreter; its folder comes first on ``PATH``.
        variables: the environment, on top of this process's.
    """

    def __init__(self, folder: Path, python: str, **variables: str) -> None:
        self.folder = folder
        self.python = python
        path = os.pathsep.join([str(Path(python).parent), os.environ["PATH"]])
        self.variables = environments.clean(PATH=path, **EMPTY_THREADS, **variables)

    def run(self, section: Section) -> None:
        """Run *section*, and expect of each block what it promises."""
        for block in section.inherited:
            if block.language == "python" and block.name:
                self._save(block)
        for block in section.blocks:
            if block.language == "dockerfile":
                self._build(block)
            elif block.name == "server":
                self._serve(block.text)
            elif block.language == "python" and block.name:
                self._save(block)
            elif block.language == "python":
                self._check(self.python, "-c", block.text)
            elif block.language == "sh":
                self._check(BASH, "-e", "-c", _TARGETS.sub("", block.text))
            elif block.language == "console":
                self._compare(block)

    def _save(self, block: Block) -> None:
        path = self.folder / block.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text, encoding="utf-8")

    def _check(self, *command: str) -> None:
        __tracebackhide__ = True
        child = self._start(*command)
        assert child.returncode == 0, child.stdout

    def _compare(self, block: Block) -> None:
        """Run the commands, and expect the output that stands below each."""
        __tracebackhide__ = True
        parts = re.split(r"^\$ (.*)\n", block.text, flags=re.MULTILINE)[1:]
        for command, expected in zip(parts[::2], parts[1::2]):
            output = self._start(BASH, "-e", "-c", command).stdout
            pattern = ".*".join(map(re.escape, expected.rstrip().split("...")))
            assert re.fullmatch(pattern, output.rstrip(), re.DOTALL), output

    def _start(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.folder,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )

    def _serve(self, command: str) -> None:
        """Start a server: it answers 200, and 500 with the shim switched off."""
        for switch, expected in (("1", 200), ("0", 500)):
            with _Command(command, self, IDIDI_SCOPEFIX=switch) as server:
                assert server.request("GET", "/").status == expected, server.log()

    def _build(self, block: Block) -> None:
        """Do what an image's file says, but in this folder and environment."""
        for line in block.text.splitlines():
            instruction, _, rest = line.partition(" ")
            if instruction == "RUN":
                self._check(BASH, "-e", "-c", rest)
            elif instruction == "CMD":
                self._serve(shlex.join(json.loads(rest)))
            else:
                # On which address the server listens is said by its class.
                assert instruction in ("FROM", "WORKDIR", "COPY", "ENV")


class _Command(Server):
    """A server that is started by a command line, on a free port.

    The command lines in the documents name no port. uvicorn and gunicorn take
    it from the environment.
    """

    def __init__(self, command: str, recipe: Recipe, **variables: str) -> None:
        super().__init__((command,), **variables)
        self._recipe = recipe

    def _spawn(self, log: IO[bytes]) -> subprocess.Popen[bytes]:
        address = {
            "UVICORN_HOST": HOST,
            "UVICORN_PORT": str(self.port),
            "GUNICORN_CMD_ARGS": f"--bind {HOST}:{self.port}",
            "PYTHONUNBUFFERED": "1",
        }
        return subprocess.Popen(
            [BASH, "-c", f"exec {self._command[0]}"],
            cwd=self._recipe.folder,
            env={**self._recipe.variables, **self._environment, **address},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )

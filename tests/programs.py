"""Programs in files of their own, for what a child interpreter says."""

from __future__ import annotations

import os
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


def switch(value: str) -> str:
    """Return *value* for the switch, unless these tests run with the shim off."""
    return os.environ.get("IDIDI_SCOPEFIX", value)


def start(
    folder: Path,
    program: str,
    *arguments: str,
    mode: str = "verbose",
    path: Path | None = None,
    **options: Any,
) -> subprocess.Popen[str]:
    """Start *program* as ``app.py`` in *folder*, with the shim in *mode*.

    *path* is a folder that comes first on the program's ``sys.path``.
    """
    file = folder / "app.py"
    file.write_text(dedent(program), encoding="utf-8")
    paths = [str(path) if path else "", os.environ.get("PYTHONPATH", "")]
    environment = {
        **os.environ,
        "IDIDI_SCOPEFIX": switch(mode),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.Popen(
        [sys.executable, "app.py", *arguments],
        cwd=folder,
        env=environment,
        text=True,
        errors="surrogateescape",
        **streams,
    )


def run(
    folder: Path, program: str, *arguments: str, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run *program* as :func:`start` does, and expect it to end well."""
    __tracebackhide__ = True
    child = start(folder, program, *arguments, **options)
    try:
        stdout, stderr = child.communicate(timeout=60)
    finally:
        child.kill()
    assert child.returncode == 0, (stdout, stderr)
    return subprocess.CompletedProcess(child.args, child.returncode, stdout, stderr)


def lines(stderr: str) -> list[str]:
    """Return what the shim has said, each line without its process."""
    said = [line for line in stderr.splitlines() if line.startswith("ididi-scopefix")]
    return [line.partition(": ")[2] for line in said]

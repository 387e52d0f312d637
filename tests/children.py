"""Child interpreters, for what a test can't do in the interpreter it is in."""

from __future__ import annotations

import os
import subprocess
import sys
from textwrap import dedent
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LISTEN = """
import logging
warnings = []

class Handler(logging.Handler):
    def emit(self, record):
        warnings.append(record.getMessage())

logging.getLogger("ididi_scopefix").addHandler(Handler(logging.WARNING))
"""
"""Begins a program that has what the shim warns of in ``warnings``."""

FORGET = """
for name in [name for name in sys.modules if name.partition(".")[0] == "ididi"]:
    del sys.modules[name]
"""
"""Makes the next import of ididi the first one."""


def run(
    code: str, *options: str, path: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run *code* in a child interpreter and expect it to end well.

    Args:
        code: the program, indented or not.
        options: options of the interpreter.
        path: a folder that comes first on the child's ``sys.path``.
        environment: variables on top of this process's.
    """
    __tracebackhide__ = True
    if path is not None:
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, (str(path), os.environ.get("PYTHONPATH")))
        )
    child = subprocess.run(
        [sys.executable, *options, "-c", dedent(code)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert child.returncode == 0, child.stderr
    return child

"""Programs that use ididi without a server, with the shim and without."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from lab.servers import rows, traffic
from tests.serving import ROOT

PROGRAMS = rows.here(rows.PROGRAMS)
of_programs = pytest.mark.parametrize(
    "row", PROGRAMS, ids=[row.name for row in PROGRAMS]
)


def run(row: rows.Program, switch: str) -> subprocess.CompletedProcess[str]:
    """Run the program of *row* to its end."""
    return subprocess.run(
        [sys.executable, "-m", *row.command],
        check=False,
        cwd=ROOT,
        env={**os.environ, "IDIDI_SCOPEFIX": switch},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=2 * traffic.PATIENCE,
    )


@of_programs
def test_scopes_open_in_every_context_of_the_program(row: rows.Program) -> None:
    """The program sees its scopes isolated, and each worker that it names is patched."""
    ended = run(row, "verbose")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "LookupError" not in ended.stdout + ended.stderr
    for worker in set(re.findall(r"^worker (\d+)$", ended.stdout, re.MULTILINE)):
        assert ended.stderr.count(f"ididi-scopefix[{worker}]: active: ") == 1


@of_programs
def test_without_the_shim_the_same_program_fails(row: rows.Program) -> None:
    """The control: it ends with the error from the bug reports."""
    ended = run(row, "0")
    assert ended.returncode != 0, ended.stdout + ended.stderr
    # Not one string: whoever logs an error has a way of its own to write it.
    assert "LookupError" in ended.stdout + ended.stderr
    assert "<ContextVar name='idid_scope_ctx'" in ended.stdout + ended.stderr

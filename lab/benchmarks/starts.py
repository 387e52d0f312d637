"""Measures what the start-up line costs, on every Python that is here.

``python -m lab.benchmarks.starts`` prints the table; ``make bench`` makes it part of
``RESULTS.md``.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import pyperf

from lab.benchmarks.measuring import ENVIRON, ROOT, Row, compared, environment

PYTHONS = ("3.9", "3.12", "3.14", "3.15")
REFERENCE = "3.12"
"""The Python whose figures the README has, if it is here."""
WITH_BYTECODE, WITHOUT_BYTECODE = 1.04, 1.12
"""The goals."""

_VERSION = "import sys; print('{}.{}'.format(*sys.version_info))"


class Starts(NamedTuple):
    """What the start-up line costs on one Python."""

    python: str
    stored: Row
    compiled: Row

    @property
    def rows(self) -> tuple[Row, Row]:
        """Both, with bytecode and without."""
        return self.stored, self.compiled


def pythons() -> dict[str, str]:
    """Return the interpreters to be measured, by version; this one is always."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {}
    for version in PYTHONS:
        candidates = [
            # The one that made this virtual environment.
            getattr(sys, "_base_executable", sys.executable),
            shutil.which(f"python{version}"),
            *map(str, sorted(root.glob(f"{version}.*/bin/python"), reverse=True)),
        ]
        for candidate in filter(None, candidates):
            if version_of(candidate) == version:
                found[version] = candidate
                break
    this = ".".join(map(str, sys.version_info[:2]))
    found.setdefault(this, sys.executable)
    return found


def version_of(python: str) -> str:
    """Return the version of an interpreter, nothing if it doesn't run."""
    # pyenv has scripts of these names that only say what isn't installed.
    told = subprocess.run(
        [python, "-c", _VERSION], check=False, capture_output=True, text=True
    )
    return told.stdout.strip()


def start(python: Path, code: str, *, shim: bool, bytecode: bool = True) -> list[float]:
    """Return how long an interpreter takes that runs *code*."""
    environ = {**ENVIRON, "IDIDI_SCOPEFIX": "1" if shim else "0"}
    if not bytecode:
        environ["PYTHONDONTWRITEBYTECODE"] = "1"
    began = pyperf.perf_counter()
    subprocess.run([str(python), "-c", code], check=True, env=environ)
    return [pyperf.perf_counter() - began]


def measure(rounds: int, folder: Path) -> list[Starts]:
    """Measure every Python, with and without bytecode of the package."""
    results = []
    for version, python in pythons().items():
        plain = environment(folder / f"plain-{version}", python=python)
        shimmed = environment(folder / f"line-{version}", str(ROOT), python=python)
        stored = _compare(rounds, plain, shimmed, bytecode=True)
        (package,) = shimmed.parents[1].glob("lib/*/site-packages/ididi_scopefix")
        for cache in package.rglob("__pycache__"):
            shutil.rmtree(cache)
        compiled = _compare(rounds, plain, shimmed, bytecode=False)
        if (package / "__pycache__").exists():
            raise RuntimeError(f"{python} has written bytecode, and was not to")
        results.append(Starts(version, stored, compiled))
    return results


def _compare(rounds: int, plain: Path, shimmed: Path, *, bytecode: bool) -> Row:
    """Measure starts with and without the start-up line."""
    found = compared(
        rounds,
        lambda: start(plain, "pass", shim=False, bytecode=bytecode),
        lambda: start(shimmed, "pass", shim=True, bytecode=bytecode),
    )
    goal = WITH_BYTECODE if bytecode else WITHOUT_BYTECODE
    suffix = "" if bytecode else ", no bytecode"
    return Row(f"`python -c pass` with the shim{suffix}", goal, *found)


def reference(results: list[Starts]) -> Starts:
    """Return the results of the one Python that the README is about."""
    by_version = {result.python: result for result in results}
    return by_version.get(REFERENCE, results[-1])


def table(results: list[Starts]) -> str:
    """Return the results as a table in Markdown, with and without side by side."""
    stored, compiled = f"{WITH_BYTECODE:.2f}", f"{WITHOUT_BYTECODE:.2f}"
    lines = [
        f"| | with bytecode (<= {stored} x) | without (<= {compiled} x) |",
        "| --- | --- | --- |",
    ]
    for result in results:
        cells = " | ".join(f"{row.measurement}, {row.verdict}" for row in result.rows)
        lines.append(f"| CPython {result.python} | {cells} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=120)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(table(measure(arguments.rounds, Path(folder))))


if __name__ == "__main__":
    main()

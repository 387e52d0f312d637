"""Measures two variants in turn, and says how many times as long one takes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Callable, NamedTuple

ROOT = Path(__file__).parents[1]

# Nothing of the caller's interpreter settings: bytecode is cached, as it is
# wherever a program is started more than once.
ENVIRON = {
    name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
}


class Row(NamedTuple):
    """One row of a table."""

    what: str
    goal: float | None
    baseline: list[float]
    measured: list[float]

    @property
    def ratio(self) -> float:
        """How many times as long it takes."""
        return statistics.median(
            measured / baseline
            for measured, baseline in zip(self.measured, self.baseline)
        )

    @property
    def verdict(self) -> str:
        """Whether the goal is met; nothing if there is none."""
        if self.goal is None:
            return ""
        return "met" if self.ratio <= self.goal else "missed"

    @property
    def measurement(self) -> str:
        """The ratio, and both durations."""
        seconds = " to ".join(
            seconds_of(statistics.median(samples))
            for samples in (self.baseline, self.measured)
        )
        return f"{self.ratio:.3f} x ({seconds})"


def environment(folder: Path, *requirements: str, python: str = sys.executable) -> Path:
    """Make a virtual environment with *requirements*; return its Python."""
    subprocess.run([python, "-m", "venv", str(folder)], check=True, env=ENVIRON)
    made = folder / "bin" / "python"
    pip = [str(made), "-m", "pip", "--disable-pip-version-check"]
    if requirements:
        install = [*pip, "install", "--quiet", *requirements]
        subprocess.run(install, check=True, env=ENVIRON)
    # Up to Python 3.11 it is there, and has a start-up line of its own.
    remove = [*pip, "uninstall", "--quiet", "--yes", "setuptools"]
    subprocess.run(remove, check=True, env=ENVIRON, capture_output=True)
    return made


def compared(
    rounds: int, *measurements: Callable[[], list[float]]
) -> list[list[float]]:
    """Return the samples of each measurement, made in turn.

    Every other round goes backwards, so that none always comes after the same.
    """
    samples: list[list[float]] = [[] for _ in measurements]
    turns = list(zip(samples, measurements))
    for _ in range(rounds):
        for found, measure in turns:
            found += measure()
        turns.reverse()
    return samples


def seconds_of(seconds: float) -> str:
    """Return a duration for people."""
    for unit, size in (("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds / 1e-9:.0f} ns"

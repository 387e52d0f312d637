"""Measures variants in turn, and says how many times as long one takes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Callable, NamedTuple

ROOT = Path(__file__).parents[2]

# Nothing of the caller's interpreter settings: bytecode is cached, as it is
# wherever a program is started more than once.
ENVIRON = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("PYTHON", "IDIDI_SCOPEFIX"))
}


class Row(NamedTuple):
    """One row of a table.

    Attributes:
        what: what is measured.
        goal: the ratio that is to be met, if there is one.
        baseline: the seconds without the shim, round by round.
        measured: the seconds with it.
        is_rate: whether the ratio is how many times as often it can be done.
    """

    what: str
    goal: float | None
    baseline: list[float]
    measured: list[float]
    is_rate: bool = False

    @property
    def ratio(self) -> float:
        """How many times as long it takes, or as often it can be done."""
        return statistics.median(
            without / with_shim if self.is_rate else with_shim / without
            for without, with_shim in zip(self.baseline, self.measured)
        )

    @property
    def durations(self) -> tuple[str, str]:
        """How long it takes without the shim and with it, for people."""
        without, with_shim = map(statistics.median, (self.baseline, self.measured))
        return seconds_of(without), seconds_of(with_shim)

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """What the row says: what, the goal, what was measured, whether it is met."""
        measured = f"{self.ratio:.3f} x ({' to '.join(self.durations)})"
        if self.goal is None:
            return self.what, "", measured, ""
        if self.is_rate:
            goal, is_met = f">= {self.goal:.2f} x", self.ratio >= self.goal
        else:
            goal, is_met = f"<= {self.goal:.2f} x", self.ratio <= self.goal
        return self.what, goal, measured, "met" if is_met else "missed"


def environment(folder: Path, *requirements: str) -> Path:
    """Make a virtual environment with *requirements*; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, env=ENVIRON)
    made = folder / "bin" / "python"
    pip = [str(made), "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", "--quiet", *requirements], check=True, env=ENVIRON)
    # Up to Python 3.11 it is there, and has a start-up line of its own.
    remove = [*pip, "uninstall", "--quiet", "--yes", "setuptools"]
    subprocess.run(remove, check=True, env=ENVIRON, capture_output=True)
    return made


def compared(
    rounds: int, *measurements: Callable[[], float]
) -> tuple[list[float], ...]:
    """Return the seconds of each measurement, made in turn.

    Every other round goes backwards, so that none always comes after the same.
    """
    samples: tuple[list[float], ...] = tuple([] for _ in measurements)
    turns = list(zip(samples, measurements))
    for _ in range(rounds):
        for found, measure in turns:
            found.append(measure())
        turns.reverse()
    return samples


def call(python: Path, name: str) -> float:
    """Return how long one call takes in a process of its own, at best."""
    worker = subprocess.run(
        [str(python), "-m", "lab.benchmarks.calls", name],
        env=ENVIRON,
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    samples: list[float] = json.loads(worker.stdout)
    return min(samples)


def seconds_of(seconds: float) -> str:
    """Return a duration for people."""
    for unit, size in (("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds / 1e-9:.0f} ns"

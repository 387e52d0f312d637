"""Measures what the shim costs, and writes ``RESULTS.md`` and ``chart.svg``.

Every ratio is of two variants that were measured in turn, round after round,
on one core: what else the machine does meets both. A ratio is the median of
those of all rounds.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Callable, NamedTuple

import pyperf

HERE = Path(__file__).parent
ROOT = HERE.parent
COMMAND = "make bench"
GUARDED = "1.8.4"

# Nothing of the caller's interpreter settings: bytecode is cached, as it is
# wherever a program is started more than once.
ENVIRON = {
    name: value for name, value in os.environ.items() if not name.startswith("PYTHON")
}


class Variant(NamedTuple):
    """One way to run a call: an interpreter and what it imports first."""

    python: Path
    module: str = ""


class Row(NamedTuple):
    """One row of the table."""

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


def environment(folder: Path, *requirements: str) -> Path:
    """Make a virtual environment with *requirements*; return its Python."""
    make = [sys.executable, "-m", "venv", str(folder)]
    subprocess.run(make, check=True, env=ENVIRON)
    python = folder / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", *requirements]
    subprocess.run(install, check=True, env=ENVIRON)
    return python


def call(variant: Variant, name: str) -> list[float]:
    """Return the samples of one worker process."""
    module = variant.module
    on = {"IDIDI_SCOPEFIX": "1" if module == "ididi_scopefix" else "0"}
    worker = subprocess.run(
        [str(variant.python), "-m", "benchmarks.calls", name, module],
        env={**ENVIRON, **on},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    samples: list[float] = json.loads(worker.stdout)
    return [min(samples)]


def start(python: Path, code: str, shim: bool) -> list[float]:
    """Return how long an interpreter takes that runs *code*."""
    environ = {**ENVIRON, "IDIDI_SCOPEFIX": "1" if shim else "0"}
    began = pyperf.perf_counter()
    subprocess.run([str(python), "-c", code], check=True, env=environ)
    return [pyperf.perf_counter() - began]


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


def measure(rounds: int, folder: Path, release: str) -> tuple[list[Row], list[Row]]:
    """Return the rows with goals, and those of the alternatives."""
    plain = environment(folder / "plain", f"ididi=={release}", "wrapt", "packaging")
    shimmed = environment(folder / "shimmed", f"ididi=={release}", str(ROOT))
    guarded = environment(folder / "guarded", f"ididi=={GUARDED}")
    with_shim = Variant(shimmed, "ididi_scopefix")
    naive = Variant(plain, "benchmarks.naive")
    rows, others = [], []
    for name, what, goal in (
        ("use_scope", "`use_scope()`, context has a scope", 2.0),
        ("scope", "`with graph.scope()`, context has a scope", 1.05),
        ("ascope", "`async with graph.ascope()`, context has a scope", 1.05),
    ):
        found = compared(
            rounds,
            lambda name=name: call(Variant(plain), name),
            lambda name=name: call(with_shim, name),
            lambda name=name: call(naive, name),
            lambda name=name: call(Variant(guarded), name),
        )
        rows.append(Row(what, goal, found[0], found[1]))
        others.append(Row(f"{what}: naive shim", None, found[0], found[2]))
        others.append(Row(f"{what}: plain ididi {GUARDED}", None, found[0], found[3]))
    found = compared(
        rounds,
        lambda: call(Variant(guarded), "fresh"),
        lambda: call(with_shim, "fresh"),
        lambda: call(naive, "fresh"),
    )
    what = f"a fresh context's first `scope()`, to ididi {GUARDED}'s own guard"
    rows.append(Row(what, 1.10, found[0], found[1]))
    others.append(Row(f"{what}: naive shim", None, found[0], found[2]))
    for code, plainly, goal in (
        ("pass", "pass", 1.05),
        ("import ididi", "import wrapt, packaging, ididi", 1.05),
    ):
        # What the wheel installs is all there is: nothing here imports it.
        installed = start_code(shimmed, code)
        found = compared(
            rounds * 3,
            lambda plainly=plainly: start(plain, plainly, False),
            lambda installed=installed: start(shimmed, installed, True),
        )
        rows.append(Row(f"`python -c '{code}'` with the shim", goal, *found))
    return rows, others


def start_code(python: Path, code: str) -> str:
    """Return *code*, preceded by the import where no start-up file makes it."""
    check = "import sys; print('ididi_scopefix' in sys.modules)"
    answer = subprocess.run(
        [str(python), "-c", check], check=True, capture_output=True, text=True
    )
    if answer.stdout.strip() == "True":
        return code
    return f"import ididi_scopefix; {code}"


def table(rows: list[Row]) -> str:
    """Return *rows* as a table in Markdown."""
    lines = ["| | goal | measured | |", "| --- | --- | --- | --- |"]
    for row in rows:
        goal = "" if row.goal is None else f"<= {row.goal:.2f} x"
        verdict = ""
        if row.goal is not None:
            verdict = "met" if row.ratio <= row.goal else "missed"
        seconds = " to ".join(
            seconds_of(statistics.median(samples))
            for samples in (row.baseline, row.measured)
        )
        ratio = f"{row.ratio:.3f} x ({seconds})"
        lines.append(f"| {row.what} | {goal} | {ratio} | {verdict} |")
    return "\n".join(lines)


def seconds_of(seconds: float) -> str:
    """Return a duration for people."""
    for unit, size in (("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{seconds / size:.2f} {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def chart(rows: list[Row]) -> str:
    """Return *rows* as bars, with a mark at each goal."""
    width, bar, left = 900, 34, 470
    scale = (width - left - 90) / max(max(row.ratio, row.goal or 0) for row in rows)
    height = bar * len(rows) + 46
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">',
        '<g font-family="sans-serif" font-size="13">',
        "<title>What a call costs with ididi-scopefix, as a ratio</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for number, row in enumerate(rows):
        y = 10 + number * bar
        length, text = row.ratio * scale, row.what.replace("`", "")
        parts.append(f'<text x="10" y="{y + 17}" fill="#24292f">{text}</text>')
        parts.append(
            f'<rect x="{left}" y="{y + 3}" width="{length:.1f}" height="20"'
            ' rx="3" fill="#2f6fb3"/>'
        )
        parts.append(
            f'<text x="{left + length + 14:.1f}" y="{y + 17}" fill="#24292f">'
            f"{row.ratio:.2f} x</text>"
        )
        if row.goal is not None:
            x = left + row.goal * scale
            parts.append(
                f'<path d="M{x:.1f} {y}v26" stroke="#d1242f" stroke-width="2"/>'
            )
    legend = "bar: with the shim, as a multiple of the same without; red mark: goal"
    parts.append(
        f'<text x="10" y="{height - 12}" fill="#57606a">{legend}</text></g></svg>'
    )
    return "\n".join(parts) + "\n"


def processor() -> str:
    """Return the model of the processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        names = [
            line.partition(":")[2].strip() for line in lines if "model name" in line
        ]
        return names[0]
    except (OSError, IndexError):
        return platform.processor() or platform.machine()


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--ididi", default="1.8.2")
    arguments = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory() as folder:
        rows, others = measure(arguments.rounds, Path(folder), arguments.ididi)
    text = f"""# What a call costs

{processor()}, {platform.system()}, CPython {platform.python_version()},
ididi {arguments.ididi}, wrapt {version("wrapt")}, pyperf {pyperf.__version__};
`{COMMAND}`: {arguments.rounds} rounds, the variants in turn, on one core. A ratio is
the median of those of the rounds; the durations are those of one call or one process.

{table(rows)}

![the same as bars](chart.svg)

## The alternatives

As multiples of the same baselines.

{table(others)}
"""
    notes = HERE / "notes.md"
    if notes.exists():
        text += "\n" + notes.read_text(encoding="utf-8")
    (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
    (HERE / "chart.svg").write_text(chart(rows), encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()

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
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import pyperf

from lab.benchmarks import starts
from lab.benchmarks.measuring import ENVIRON, ROOT, Row, compared, environment

HERE = Path(__file__).parent
COMMAND = "make bench"
GUARDED = "1.8.4"


class Variant(NamedTuple):
    """One way to run a call: an interpreter and what it imports first."""

    python: Path
    module: str = ""
    switch: str = "1"


def call(variant: Variant, name: str) -> list[float]:
    """Return the samples of one worker process."""
    module = variant.module
    on = {"IDIDI_SCOPEFIX": variant.switch if module == "ididi_scopefix" else "0"}
    worker = subprocess.run(
        [str(variant.python), "-m", "lab.benchmarks.calls", name, module],
        env={**ENVIRON, **on},
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    samples: list[float] = json.loads(worker.stdout)
    return [min(samples)]


def measure(rounds: int, folder: Path, release: str) -> tuple[list[Row], list[Row]]:
    """Return the rows with goals, and those of the alternatives."""
    plain = environment(folder / "plain", f"ididi=={release}", "wrapt", "packaging")
    shimmed = environment(folder / "shimmed", f"ididi=={release}", str(ROOT))
    guarded = environment(folder / "guarded", f"ididi=={GUARDED}")
    with_shim = Variant(shimmed, "ididi_scopefix")
    naive = Variant(plain, "lab.benchmarks.naive")
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
        lambda: call(with_shim._replace(switch="verbose"), "fresh"),
    )
    what = f"a fresh context's first `scope()`, to ididi {GUARDED}'s own guard"
    rows.append(Row(what, 1.10, found[0], found[1]))
    others.append(Row(f"{what}: naive shim", None, found[0], found[2]))
    what = "the same with `IDIDI_SCOPEFIX=verbose`, to the shim without it"
    rows.append(Row(what, None, found[1], found[3]))
    # What the wheel installs is all there is: nothing here imports it.
    installed = start_code(shimmed, "import ididi")
    found = compared(
        rounds * 8,
        lambda: starts.start(plain, "import wrapt, packaging, ididi", shim=False),
        lambda: starts.start(shimmed, installed, shim=True),
    )
    rows.append(Row("`python -c 'import ididi'` with the shim", 1.04, *found))
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
        lines.append(f"| {row.what} | {goal} | {row.measurement} | {row.verdict} |")
    return "\n".join(lines)


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
        started = starts.measure(arguments.rounds * 15, Path(folder))
    rows[-1:-1] = starts.reference(started).rows
    text = f"""# What a call costs

{processor()}, {platform.system()}, CPython {platform.python_version()},
ididi {arguments.ididi}, wrapt {version("wrapt")}, pyperf {pyperf.__version__};
`{COMMAND}`: {arguments.rounds} rounds, the variants in turn, on one core. A ratio is
the median of those of the rounds; the durations are those of one call or one process.

{table(rows)}

![the same as bars](chart.svg)

## Starting Python

Environments with nothing else in them: one has the package, the other is empty.
Without bytecode, Python compiles `ididi_scopefix/__init__.py` at each start.

{starts.table(started)}

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

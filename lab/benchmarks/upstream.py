"""Measures what the fix for ididi itself costs: one source to the other.

``python -m lab.benchmarks.upstream FOLDER``, where the folder has ididi's source
``before`` and ``after`` the patch, as ``lab.upstream.source`` makes them.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from lab.benchmarks.measuring import Row, call, compared, environment

GOAL = 1.02
ROUNDS = 20
CALLS = {
    "use_scope": "`use_scope()`, context has a scope",
    "scope": "`with graph.scope()`, context has a scope",
    "ascope": "`async with graph.ascope()`, context has a scope",
    "fresh": "a fresh context's first `scope()`, which had no parent before",
}


def main(sources: Path) -> None:
    """Print one row per call."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = (
            environment(Path(folder, side), str(sources / side))
            for side in ("before", "after")
        )
        for name, what in CALLS.items():
            found = compared(
                ROUNDS,
                lambda name=name: call(before, name),
                lambda name=name: call(after, name),
            )
            row = Row(what, GOAL, *found)
            times = " -> ".join(f"{min(side) * 1e9:,.0f} ns" for side in found)
            print(f"{what}: {times}, ratio {row.ratio:.3f}, goal {GOAL}", flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))

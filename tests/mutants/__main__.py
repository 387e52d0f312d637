"""``python -m tests.mutants``: change the code, run the tests, report."""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple, Optional

from tests.mutants.equivalent import KNOWN
from tests.mutants.operators import Mutant, mutants_of
from tests.other_releases import download

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ididi_scopefix"
GOAL = 95
"""Per cent of the changes that can be noticed."""


class Stage(NamedTuple):
    """Tests that are run together.

    Attributes:
        name: what the report calls it.
        tests: what is given to pytest, as patterns.
        release: the release of ididi, the installed one if empty.
    """

    name: str
    tests: tuple[str, ...]
    release: str = ""


PROGRAMS = ("tests/differential",)
RULES = ("tests/behaviour/test_[!m]*.py",)
STAGES = (
    Stage("programs", PROGRAMS),
    Stage("behaviour", RULES),
    *(
        Stage(f"ididi {release}", (*PROGRAMS, *RULES), release)
        for release in ("1.5.4", "1.8.4", "1.4.4")
    ),
    Stage("releases", ("tests/test_*.py",)),
    Stage("races", ("tests/races", "tests/model")),
    Stage("memory", ("tests/behaviour/test_m*.py",)),
    Stage("start_up", ("tests/start_up",)),
    Stage("faults", ("tests/faults",)),
    Stage("command", ("tests/command",)),
)
"""The fastest first."""


@dataclass
class Result:
    """What became of a change.

    Attributes:
        outcome: ``killed``, ``survived``, or ``timeout``, which is as good as killed.
        by: the stage and the test that noticed it, or the stages that did not.
        around: see :class:`~tests.mutants.operators.Mutant`.
    """

    outcome: str
    by: str
    around: str


class Worker:
    """A copy of the project, and an environment in which it is installed."""

    def __init__(self, folder: Path, requirements: Sequence[str]) -> None:
        self.folder, self._tree = folder, folder / "tree"
        self._environment = folder / "environment"
        self._stamp = time.time()
        if not (self._environment / "complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            venv = ("-m", "venv", str(self._environment))
            subprocess.run([sys.executable, *venv], check=True)
            self._pip(*requirements)
            (self._environment / "complete").touch()
        self._copy()
        (packages,) = self._environment.glob("lib/python*/site-packages")
        installed = packages / "ididi_scopefix"
        if installed.is_symlink():
            installed.unlink()
        self._pip("--no-deps", "--force-reinstall", str(self._tree))
        # What is installed is the tree: what is changed there, is changed here.
        shutil.rmtree(installed)
        installed.symlink_to(self._tree / "ididi_scopefix")
        package = self._tree / "ididi_scopefix"
        self.originals = {each.name: each.read_bytes() for each in package.glob("*.py")}

    def _pip(self, *arguments: str) -> None:
        options = ("--quiet", "--disable-pip-version-check")
        subprocess.run(
            [self.python, "-m", "pip", "install", *options, *arguments], check=True
        )

    @property
    def python(self) -> str:
        """The interpreter of the environment."""
        return str(self._environment / "bin" / "python")

    def _copy(self) -> None:
        """Copy what belongs to the project, as it is now."""
        shutil.rmtree(self._tree, ignore_errors=True)
        for name in project_files():
            target = self._tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)

    def write(self, module: str, source: bytes) -> None:
        """Write a module of the package, so that no bytecode passes for it."""
        file = self._tree / "ididi_scopefix" / module
        file.write_bytes(source)
        self._stamp += 2
        os.utime(file, (self._stamp, self._stamp))

    def pytest(
        self, stage: Stage, releases: Path, *options: str, timeout: Optional[float]
    ) -> tuple[Optional[int], str]:
        """Run the tests of *stage*; return the exit code and the output.

        The exit code is ``None`` if they have not ended in time.
        """
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "IDIDI_SCOPEFIX", "PYTEST"))
        }
        if stage.release:
            kept["PYTHONPATH"] = str(releases / stage.release)
        tests = [
            str(file.relative_to(self._tree))
            for pattern in stage.tests
            for file in sorted(self._tree.glob(pattern))
        ]
        profile = ("--hypothesis-profile", "quick")
        process = subprocess.Popen(
            [
                *(self.python, "-m", "pytest", "--quiet", "--tb=line"),
                *("-p", "no:randomly", "-p", "no:cacheprovider"),
                *(profile if "tests/differential" in tests else ()),
                *options,
                *tests,
            ],
            cwd=self._tree,
            env=kept,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return None, ""
        return process.returncode, output


class Baseline:
    """How long each stage takes, and what fails in it, without a change."""

    def __init__(self, releases: Path) -> None:
        self.releases = releases
        self.failing: dict[str, list[str]] = {}
        self._seconds: dict[str, float] = {}
        self._lock = threading.Lock()

    def measure(self, worker: Worker, stage: Stage) -> tuple[float, list[str]]:
        """Return the time limit of *stage*, and the tests that are left out."""
        with self._lock:
            if stage.name not in self._seconds:
                if stage.release and not (self.releases / stage.release).exists():
                    download(stage.release, self.releases / stage.release)
                began = time.monotonic()
                code, output = worker.pytest(stage, self.releases, timeout=None)
                if code not in (0, 1):
                    # Each change would be taken for noticed.
                    raise SystemExit(f"{stage.name} can't be run:\n{output}")
                self._seconds[stage.name] = time.monotonic() - began
                self.failing[stage.name] = failures(output)
                took = f"{stage.name}: {self._seconds[stage.name]:.0f} s"
                say(took, *(f"  fails anyway: {each}" for each in failures(output)))
        failing = self.failing[stage.name]
        return 4 * self._seconds[stage.name] + 60, failing


def failures(output: str) -> list[str]:
    """Return the names of the tests that pytest says have failed."""
    found = re.findall(r"^(?:FAILED|ERROR) (\S+(?:\[[^\n]*?\])?)", output, re.MULTILINE)
    return sorted(set(found))


def say(*lines: str) -> None:
    """Print, at once."""
    print(*lines, sep="\n", flush=True)


def project_files() -> list[str]:
    """Return what belongs to the project: no results, no caches."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    return [name for name in listed if (ROOT / name).is_file()]


def changed_lines(revision: str) -> dict[str, set[int]]:
    """Return which lines of each module are new since *revision*."""
    command = ["git", "diff", "--unified=0", revision, "--", "ididi_scopefix"]
    output = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    lines: dict[str, set[int]] = {}
    module = ""
    for line in output.splitlines():
        if line.startswith("+++ "):
            module = line.rpartition("/")[2]
        elif match := re.match(r"@@ \S+ \+(\d+)(?:,(\d+))? @@", line):
            first, count = int(match[1]), int(match[2] or 1)
            lines.setdefault(module, set()).update(range(first, first + count))
    return lines


def try_out(
    mutant: Mutant, stages: list[Stage], worker: Worker, baseline: Baseline
) -> Result:
    """Find out whether a test of *stages* notices *mutant*."""
    for stage in stages:
        limit, failing = baseline.measure(worker, stage)
        left_out = [f"--deselect={each}" for each in failing]
        worker.write(mutant.module, mutant.source)
        try:
            code, output = worker.pytest(
                stage, baseline.releases, "-x", *left_out, timeout=limit
            )
        finally:
            worker.write(mutant.module, worker.originals[mutant.module])
        if code is None:
            return Result("timeout", stage.name, mutant.around)
        if code != 0:
            by = " ".join([stage.name, *failures(output)[:1]])
            return Result("killed", by, mutant.around)
    return Result("survived", ", ".join(each.name for each in stages), mutant.around)


class Results:
    """The results so far, in a file: a run that was interrupted goes on there."""

    def __init__(self, file: Path) -> None:
        self._file, self._lock = file, threading.Lock()
        self._found: dict[str, Result] = {}
        if file.exists():
            stored: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
            self._found = {key: Result(*values) for key, values in stored.items()}

    def get(self, mutant: Mutant) -> Optional[Result]:
        """Return the result of *mutant*, if it is of the code as it is now."""
        result = self._found.get(mutant.key)
        return result if result and result.around == mutant.around else None

    def by(self, mutant: Mutant) -> str:
        """Return which stages *mutant* has survived."""
        result = self.get(mutant)
        stages = [] if result is None else result.by.split(", ")
        missing = [stage.name for stage in STAGES if stage.name not in stages]
        return f"all but {', '.join(missing)}" if missing else "all stages"

    def add(self, mutant: Mutant, result: Result) -> None:
        """Store a result."""
        with self._lock:
            self._found[mutant.key] = result
            stored = {
                key: (each.outcome, each.by, each.around)
                for key, each in self._found.items()
            }
            new = self._file.with_suffix(".new")
            new.write_text(json.dumps(stored, indent=1), encoding="utf-8")
            new.replace(self._file)


def report(mutants: list[Mutant], results: Results) -> float:
    """Print what became of *mutants*; return the score in per cent."""
    rows: list[tuple[str, int, int, int]] = []
    survivors: list[Mutant] = []
    equivalent: list[Mutant] = []
    for module in sorted({mutant.module for mutant in mutants}):
        killed = survived = known = 0
        for mutant in (each for each in mutants if each.module == module):
            result = results.get(mutant)
            if mutant.key in KNOWN:
                known += 1
                equivalent.append(mutant)
            elif result is not None:
                if result.outcome == "survived":
                    survived += 1
                    survivors.append(mutant)
                else:
                    killed += 1
        rows.append((module, killed, survived, known))
    columns = list(zip(*rows))[1:]
    killed, survived, known = (sum(map(int, column)) for column in columns)
    untried = len(mutants) - killed - survived - known
    score = 100 * killed / (killed + survived) if killed + survived else 100.0
    for mutant in survivors:
        say(
            f"ididi_scopefix/{mutant.module}:{mutant.line}: survived"
            f" {results.by(mutant)}, in {mutant.function}",
            f"    {mutant.key.partition(': ')[2].partition(': ')[2]}",
        )
    for mutant in equivalent:
        say(f"equivalent: {mutant.key}", f"    {KNOWN[mutant.key]}")
    say("", f"{'module':24}{'killed':>8}{'survived':>10}{'equivalent':>12}{'score':>8}")
    for name, *counts in (*rows, ("all", killed, survived, known)):
        part = 100 * counts[0] / max(counts[0] + counts[1], 1)
        say(f"{name:24}{counts[0]:8}{counts[1]:10}{counts[2]:12}{part:7.1f}%")
    if untried:
        say(f"{untried} not tried yet")
    return score


def select(options: argparse.Namespace, results: Results) -> list[Mutant]:
    """Return the mutants that the command line asks for."""
    modules = sorted(PACKAGE.glob("*.py"))
    mutants = [
        mutant
        for file in modules
        if file.name != "__main__.py"
        for mutant in mutants_of(file.name, file.read_bytes())
    ]
    if options.module:
        mutants = [each for each in mutants if each.module in options.module]
    if options.since:
        lines = changed_lines(options.since)
        mutants = [each for each in mutants if each.line in lines.get(each.module, ())]
    if options.survivors:
        mutants = [
            each
            for each in mutants
            if (result := results.get(each)) and result.outcome == "survived"
        ]
    if options.sample:
        chosen = random.Random(0).sample(mutants, min(options.sample, len(mutants)))
        mutants = sorted(chosen, key=lambda each: (each.module, each.line))
    stale = KNOWN.keys() - {each.key for each in mutants}
    if not (options.module or options.since or options.survivors or options.sample):
        for key in sorted(stale):
            say(f"no such change any more: {key}")
    return mutants


def main() -> int:
    """Do what the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants")
    parser.add_argument("--folder", type=Path, default=ROOT / ".nox" / "mutated")
    parser.add_argument("--install", action="append", default=[], metavar="PACKAGE")
    parser.add_argument("--module", action="append", metavar="NAME.py")
    parser.add_argument("--sample", type=int, metavar="N", help="only N, drawn")
    parser.add_argument("--since", metavar="REVISION", help="only changed lines")
    parser.add_argument("--survivors", action="store_true", help="only survivors, anew")
    parser.add_argument(
        "--report", action="store_true", help="of what was tried before"
    )
    stages = [stage.name for stage in STAGES]
    parser.add_argument("--stage", action="append", choices=stages, help="only these")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    results = Results(options.folder / "results.json")
    mutants = select(options, results)
    if not options.report:
        run(mutants, results, options)
    return int(report(mutants, results) < GOAL)


def run(mutants: list[Mutant], results: Results, options: argparse.Namespace) -> None:
    """Try the mutants that have no result yet."""
    stages = [each for each in STAGES if each.name in (options.stage or [each.name])]
    names = {stage.name for stage in stages}

    def is_untried(mutant: Mutant) -> bool:
        result = results.get(mutant)
        if mutant.key in KNOWN:
            return False
        if result is None or options.survivors:
            return True
        passed = result.by.split(", ")
        return result.outcome == "survived" and not names <= set(passed)

    untried = [mutant for mutant in mutants if is_untried(mutant)]
    # Whoever ends it half-way has seen something of every module.
    random.Random(1).shuffle(untried)
    idle: SimpleQueue[Worker] = SimpleQueue()
    for number in range(min(options.workers, len(untried))):
        idle.put(Worker(options.folder / f"worker-{number}", options.install))
    baseline = Baseline(options.folder / "releases")

    def attempt(numbered: tuple[int, Mutant]) -> None:
        number, mutant = numbered
        worker = idle.get()
        try:
            result = try_out(mutant, stages, worker, baseline)
        finally:
            idle.put(worker)
        before = results.get(mutant)
        if before is not None and result.outcome == before.outcome == "survived":
            passed = dict.fromkeys([*before.by.split(", "), *result.by.split(", ")])
            result.by = ", ".join(passed)
        results.add(mutant, result)
        say(f"{number}/{len(untried)} {result.outcome} {result.by}: {mutant.key}")

    with ThreadPoolExecutor(options.workers) as pool:
        list(pool.map(attempt, enumerate(untried, 1)))


if __name__ == "__main__":
    sys.exit(main())

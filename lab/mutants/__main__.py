"""``python -m tests.mutants``: change the code, run the tests, report."""

from __future__ import annotations

import argparse
import ast
import itertools
import json
import math
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple, Optional

from tests.mutants.equivalent import KNOWN
from tests.mutants.operators import Mutant, mutants_of, uses_of

from tests.other_releases import download

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ididi_scopefix"
TREES = {file.name: ast.parse(file.read_bytes()) for file in PACKAGE.glob("*.py")}
NO_TESTS = 5
"""The exit code of pytest if it has found none of the tests."""
GOAL = 95
"""Per cent of the changes that can be noticed."""


class Stage(NamedTuple):
    """Tests that are run together, by a fork of one interpreter.

    Attributes:
        name: what the report calls it.
        tests: where they are, as patterns.
        release: the release of ididi, the installed one if empty.
        seconds: how much work the tests are that are tried, the likeliest first; half
            as much again for those that do not run the change themselves.
    """

    name: str
    tests: tuple[str, ...]
    release: str = ""
    seconds: float = math.inf

    @property
    def measured(self) -> str:
        """What it shares with the stage that runs all of its tests."""
        return self.name.partition(",")[0]


CALLS = ("tests/differential", "tests/behaviour/test_[!m]*.py")
START = ("tests/start_up/test_*import*.py", "tests/faults")
HERE = (*CALLS, "tests/test_*.py", "tests/races", *START)
LONG = ("tests/behaviour/test_m*.py", "tests/model")
MADE = (
    "tests/start_up/test_[bf]*.py",
    "tests/start_up/test_i[dn]*.py",
    "tests/command",
)
COMPLETE = (
    Stage("here", HERE),
    *(Stage(f"ididi {each}", CALLS, each) for each in ("1.5.4", "1.8.4", "1.4.4")),
    Stage("environments", MADE),
    Stage("memory", LONG),
)
BRIEF = tuple(
    each._replace(name=f"{each.name}, briefly", seconds=seconds)
    for each, seconds in zip(COMPLETE, (3, 2, 1, 1, 6))
)
STAGES = (*BRIEF, *COMPLETE)
"""All changes pass one before the next begins."""
# Where coverage sees nothing: its tracer is taken away, or "-S" keeps it out.
UNSEEN = ("tests/faults/", "tests/start_up/test_import")
OPTIONS = ("--quiet", "--tb=line", "-p", "no:randomly", "-p", "no:cacheprovider")


@dataclass
class Result:
    """What became of a change.

    Attributes:
        outcome: ``killed``, ``survived``, or ``timeout``, which is as good as killed.
        by: the stage and the test that noticed it, or the stages that did not.
    """

    outcome: str
    by: str


class Reach:
    """Which tests of a stage reach which lines, and how much work each is."""

    def __init__(self, seconds: dict[str, float], lines: Any, unseen: set[str]) -> None:
        self.seconds, self._lines, self._unseen = seconds, lines, unseen

    def tests(self, mutant: Mutant) -> tuple[set[str], set[str]]:
        """Return the tests that run *mutant* themselves, and others that may notice."""
        found = self._that_run(mutant.module, range(mutant.line, mutant.last + 1))
        everywhere = "" in found
        if everywhere:
            # It ran before the first test. Those that use it do so later.
            for module, tree in TREES.items():
                found |= self._that_run(module, uses_of(mutant.names, tree))
        own = found & self.seconds.keys()
        return own, set(self.seconds if everywhere else self._unseen) - own

    def rarity(self, mutant: Mutant) -> dict[str, float]:
        """Return which tests run lines of the function that few others run."""
        found: dict[str, float] = dict.fromkeys(self._unseen, 0.1)
        for line in mutant.lines:
            tests = self._that_run(mutant.module, [line])
            for test in tests:
                found[test] = found.get(test, 0) + 1 / len(tests)
        return found

    def _that_run(self, module: str, numbers: Iterable[int]) -> set[str]:
        lines = self._lines.get(module, {})
        return set().union(*(lines.get(str(number), ()) for number in numbers))


class Worker:
    """A copy of the project, and an environment in which it is installed."""

    def __init__(self, folder: Path, requirements: Sequence[str]) -> None:
        self._tree, self._environment = folder / "tree", folder / "environment"
        self._releases = folder.parent / "releases"
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
        self._originals = {
            file.name: file.read_bytes() for file in package.glob("*.py")
        }
        self._server: Optional[subprocess.Popen[str]] = None
        self._serves: Optional[Stage] = None

    def _pip(self, *arguments: str) -> None:
        options = ("--quiet", "--disable-pip-version-check")
        subprocess.run(
            [self._python, "-m", "pip", "install", *options, *arguments], check=True
        )

    @property
    def _python(self) -> str:
        return str(self._environment / "bin" / "python")

    def _copy(self) -> None:
        """Copy what belongs to the project, as it is now."""
        shutil.rmtree(self._tree, ignore_errors=True)
        for name in project_files():
            target = self._tree / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)

    def _write(self, module: str, source: bytes) -> None:
        """Write a module of the package, so that no bytecode passes for it."""
        file = self._tree / "ididi_scopefix" / module
        file.write_bytes(source)
        self._stamp += 2
        os.utime(file, (self._stamp, self._stamp))

    def _surroundings(self, stage: Stage) -> dict[str, Any]:
        """Return in what folder, and with what environment, processes are started."""
        variables = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "IDIDI_SCOPEFIX", "PYTEST"))
        }
        if stage.release:
            folder = self._releases / stage.release
            if not folder.exists():
                download(stage.release, folder)
            variables["PYTHONPATH"] = str(folder)
        return {"cwd": self._tree, "env": variables, "text": True}

    def measure(self, stage: Stage) -> Any:
        """Run all tests of *stage*; return what they reach, and which of them fail."""
        tests = [
            str(file.relative_to(self._tree))
            for pattern in stage.tests
            for file in sorted(self._tree.glob(pattern))
        ]
        surroundings = self._surroundings(stage)
        surroundings.update(stdin=subprocess.DEVNULL, capture_output=True)
        pytest = ("-m", "pytest", *OPTIONS, *profile(tests))
        measured = ("-m", "coverage", "run", *pytest, "-p", "tests.mutants.reach")
        ended = subprocess.run([self._python, *measured, *tests], **surroundings)
        if ended.returncode not in (0, 1):
            # Each change would be taken for noticed.
            raise SystemExit(f"{stage.measured} can't be run:\n{ended.stdout}")
        reach = [self._python, "-m", "tests.mutants.reach"]
        subprocess.run(reach, **surroundings, check=True)
        found = json.loads((self._tree / "reach.json").read_text(encoding="utf-8"))
        found["unseen"] = failures(ended.stdout)
        if found["unseen"]:
            # Some only fail where coverage looks.
            again = [self._python, *pytest, *found["unseen"]]
            ended = subprocess.run(again, **surroundings)
            found["failing"] = failures(ended.stdout)
            for test in found["failing"]:
                say(f"  fails anyway: {test}")
                found["unseen"].remove(test)
                found["seconds"].pop(test, None)
        return found

    def attempt(
        self, stage: Stage, mutant: Mutant, tests: list[str], limit: float
    ) -> tuple[Optional[int], str]:
        """Run *tests* with *mutant* until one fails; return exit code and output.

        The exit code is ``None`` if they have not ended in time.
        """
        if self._server is None or self._serves != stage:
            self.close()
            surroundings = self._surroundings(stage)
            surroundings["env"]["IDIDI_SCOPEFIX"] = "0"
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
            warm = [self._python, "-m", "tests.mutants.warm"]
            self._server = subprocess.Popen(warm, **surroundings, **pipes)
            self._serves = stage
        output = self._tree / "output.txt"
        # What is loaded already was not rewritten.
        rewritten = "ignore::pytest.PytestAssertRewriteWarning"
        job = {
            "tests": tests,
            "options": [*OPTIONS, "-x", "-W", rewritten, *profile(tests)],
            "limit": limit,
            "output": str(output),
        }
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._write(mutant.module, mutant.source)
        try:
            print(json.dumps(job), file=self._server.stdin, flush=True)
            code: Optional[int] = json.loads(self._server.stdout.readline())
        finally:
            self._write(mutant.module, self._originals[mutant.module])
        return code, output.read_text(encoding="utf-8", errors="replace")

    def close(self) -> None:
        """End the interpreter that runs the tests."""
        if self._server is not None:
            self._server.communicate()


def profile(tests: list[str]) -> tuple[str, ...]:
    """Return the options that draw fewer programs, where *tests* draw any."""
    drawn = any(test.startswith("tests/differential") for test in tests)
    return ("--hypothesis-profile", "quick") if drawn else ()


class Baseline:
    """What the tests of each stage do without a change, kept in *folder*."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._lock = folder, threading.Lock()
        self._reach: dict[str, Reach] = {}
        code = re.compile(r"(ididi_scopefix|tests/(?!mutants/)).*\.py")
        names = filter(code.fullmatch, project_files())
        contents = (ROOT.joinpath(name).read_bytes() for name in names)
        self._project = sha256(b"".join(contents)).hexdigest()

    def reach(self, worker: Worker, stage: Stage) -> Reach:
        """Return what the tests of *stage* reach."""
        with self._lock:
            if stage.measured not in self._reach:
                file = self._folder / f"reach {stage.measured}.json"
                found = json.loads(file.read_bytes()) if file.exists() else {}
                if found.get("project") != self._project:
                    say(f"{stage.measured}: measuring")
                    found = {**worker.measure(stage), "project": self._project}
                    file.write_text(json.dumps(found), encoding="utf-8")
                seconds = found["seconds"]
                unseen = {each for each in seconds if each.startswith(UNSEEN)}
                unseen.update(found["unseen"])
                self._reach[stage.measured] = Reach(seconds, found["lines"], unseen)
            return self._reach[stage.measured]


def failures(output: str) -> list[str]:
    """Return the names of the tests that pytest says have failed."""
    found = re.findall(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", output, re.MULTILINE)
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
    mutant: Mutant,
    stage: Stage,
    worker: Worker,
    reach: Reach,
    tests: list[str],
    kills: Kills,
) -> Result:
    """Find out whether one of *tests*, which are of *stage*, notices *mutant*."""
    if tests:
        limit = 5 * sum(reach.seconds[test] for test in tests) + 30
        code, output = worker.attempt(stage, mutant, tests, limit)
        if code is None:
            return Result("timeout", stage.name)
        if code not in (0, NO_TESTS):
            found = failures(output) or ["import"]
            kills.add(mutant, found[0])
            return Result("killed", f"{stage.name}: {found[0]}")
    return Result("survived", stage.name)


class Kills:
    """Which tests have noticed most, of changes of the same function first."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, mutant: Mutant, test: str) -> None:
        """Count that *test* has noticed *mutant*."""
        self._counts.update([test, f"{mutant.function} {test}"])

    def chosen(self, mutant: Mutant, stage: Stage, reach: Reach) -> list[str]:
        """Return the tests for *mutant*, the best use of the time first."""

        def cost(test: str) -> float:
            return reach.seconds[test] + 0.02  # of pytest

        def worth(test: str) -> float:
            near = self._counts[f"{mutant.function} {test}"]
            likely = 1 + math.sqrt(self._counts[test]) + 20 * near
            return (likely + 300 * rarity.get(test, 0)) / cost(test)

        rarity = reach.rarity(mutant)

        work: list[tuple[float, str]] = []
        # One that has passed says something of its kind: they get the time by turns,
        # and of those that differ in their parameters, each a little later.
        for tests, factor in zip(reach.tests(mutant), (1, 2)):
            kinds: Counter[str] = Counter()
            ranks: dict[str, float] = {}
            for test in sorted(tests, key=worth, reverse=True):
                kinds[kind := test.partition("[")[0]] += 1
                ranks[test] = worth(test) / kinds[kind]
            ranked = sorted(tests, key=ranks.__getitem__, reverse=True)
            costs = (factor * cost(test) for test in ranked)
            work += zip(itertools.accumulate(costs), ranked)
        work.sort()
        return [test for seconds, test in work if seconds <= stage.seconds]


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
        return self._found.get(mutant.id)

    def add(self, mutant: Mutant, result: Result) -> None:
        """Store a result."""
        with self._lock:
            self._found[mutant.id] = result
            stored = {key: (each.outcome, each.by) for key, each in self._found.items()}
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
            f"ididi_scopefix/{mutant.module}:{mutant.line}: {mutant.function}",
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
    parser.add_argument(
        "--tests", metavar="PATTERN", help="these tests, however much work they are"
    )
    parser.add_argument("--seconds", type=float, help="of tests for each, of a stage")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    results = Results(options.folder / "results.json")
    mutants = select(options, results)
    if not options.report:
        run(mutants, results, options)
    return int(report(mutants, results) < GOAL)


def run(mutants: list[Mutant], results: Results, options: argparse.Namespace) -> None:
    """Try the mutants that have no result yet, stage by stage."""
    idle: SimpleQueue[Worker] = SimpleQueue()
    for number in range(options.workers):
        idle.put(Worker(options.folder / f"worker-{number}", options.install))
    baseline, kills = Baseline(options.folder), Kills()
    for mutant in mutants:
        result = results.get(mutant)
        if result is not None and result.outcome == "killed":
            kills.add(mutant, result.by.partition(": ")[2])
    # Whoever ends it half-way has seen something of every module.
    mutants = random.Random(1).sample(mutants, len(mutants))
    for stage in STAGES:
        if options.stage and stage.name not in options.stage:
            continue
        if options.seconds:
            stage = stage._replace(seconds=options.seconds)
        # Survivors are tried anew: there are tests that were not there then.
        untried = [
            each
            for each in mutants
            if is_untried(each, None if options.survivors else stage, results)
        ]

        def attempt(numbered: tuple[int, Mutant], stage: Stage = stage) -> None:
            number, mutant = numbered
            worker = idle.get()
            try:
                reach = baseline.reach(worker, stage)
                if options.tests:
                    named = re.compile(options.tests).search
                    costs = reach.seconds
                    tests = sorted(filter(named, costs), key=costs.__getitem__)
                else:
                    tests = kills.chosen(mutant, stage, reach)
                result = try_out(mutant, stage, worker, reach, tests, kills)
            finally:
                idle.put(worker)
            before = results.get(mutant)
            if before is not None and result.outcome == "survived":
                passed = dict.fromkeys([*before.by.split("; "), stage.name])
                result.by = "; ".join(passed)
            results.add(mutant, result)
            say(f"{number} {result.outcome}, {result.by}: {mutant.key}")

        say(f"{stage.name}: {len(untried)}")
        with ThreadPoolExecutor(options.workers) as pool:
            list(pool.map(attempt, enumerate(untried, 1)))
    while not idle.empty():
        idle.get().close()


def is_untried(mutant: Mutant, stage: Optional[Stage], results: Results) -> bool:
    """Tell whether *mutant* has not been killed, and not been through *stage*."""
    result = results.get(mutant)
    if mutant.key in KNOWN or result is None:
        return mutant.key not in KNOWN
    passed = stage and {stage.name, stage.measured} & {*result.by.split("; ")}
    return result.outcome == "survived" and not passed


if __name__ == "__main__":
    sys.exit(main())

"""``python -m lab.mutants``: change the code, run the tests, report."""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import cache
from pathlib import Path

from lab.mutants.changes import Mutant, mutants_of
from lab.mutants.known import KNOWN
from tests.other_releases import download

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "ididi_scopefix"
FOLDER = ROOT / ".nox" / "mutated"
TREE, RESULTS = FOLDER / "tree", FOLDER / "results.json"
GOAL = 95
"""Per cent of the changes that can be noticed."""
KILLERS = 12
"""How many of the tests that have noticed a change of a module come first."""
SURVIVED = "survived"

CALLS = ("tests/behaviour", "tests/differential")
IMPORTS = ("tests/behaviour", "tests/imports", "tests/races", "tests/faults")
RELEASES = ("tests/test_newer_releases.py", "tests/test_releases.py")
PROGRAMS = ("tests/start_up", "tests/command")
STAGES = {
    "__init__.py": (("1.8.2", IMPORTS), ("1.8.2", PROGRAMS)),
    "_activation.py": (("1.8.2", (*IMPORTS, *RELEASES)), ("1.8.2", PROGRAMS)),
    "_api.py": (("1.8.2", ("tests/behaviour", "tests/imports")), ("1.8.2", PROGRAMS)),
    "_log.py": (
        ("1.8.2", ("tests/behaviour", "tests/faults")),
        *(("1.5.4", ("tests/behaviour",)), ("1.8.2", PROGRAMS)),
    ),
    "_releases.py": (
        ("1.8.2", (*RELEASES, "tests/behaviour", "tests/imports")),
        *(("1.5.4", ("tests/behaviour",)), ("1.8.2", PROGRAMS)),
    ),
    "_variable.py": (
        ("1.8.2", (*CALLS, "tests/races", "tests/faults", "tests/model")),
        *((release, CALLS) for release in ("1.5.4", "1.8.4", "1.4.4")),
    ),
}
"""Releases of ididi, and tests of what a module is for, one of which has to fail."""

OPTIONS = ("-x", "--quiet", "--tb=no", "-p", "no:cacheprovider")
PARALLEL = ("--numprocesses", "2", "--dist", "worksteal")


def copy_project() -> None:
    """Copy the project, of which the tests import the copy."""
    shutil.rmtree(TREE, ignore_errors=True)
    made = shutil.ignore_patterns(".git", ".nox", ".venv", ".*_cache", ".hypothesis")
    shutil.copytree(ROOT, TREE, ignore=made)
    for file in (TREE / "ididi_scopefix").glob("*.py"):
        # As every changed module is written, so that the change is all that differs.
        file.write_text(ast.unparse(ast.parse(file.read_bytes())), encoding="utf-8")


def run(
    release: str, tests: tuple[str, ...], options: tuple[str, ...], seconds: float
) -> str:
    """Run tests until one fails; return which, nothing if none does."""
    dropped = ("PYTHON", "PYTEST", "IDIDI_SCOPEFIX", "VIRTUAL_ENV")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(dropped)}
    folder = FOLDER / "releases" / release
    if not folder.exists():
        download(release, folder)
    # Before what is installed, also for the start-up line.
    environment["PYTHONPATH"] = os.pathsep.join([str(TREE), str(folder)])
    process = subprocess.Popen(
        [sys.executable, "-m", "pytest", *OPTIONS, *options, *tests],
        cwd=TREE,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        # A group of its own, to be ended with all that it has started.
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        return "no end in time"
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.returncode == 0:
        return ""
    failed = re.search(r"^(?:FAILED|ERROR) (\S+)", output, re.MULTILINE)
    return failed[1] if failed else "no test could be run"


@cache
def limit(release: str, tests: tuple[str, ...]) -> float:
    """Return how many seconds *tests* may take, which is measured without a change."""
    began = time.monotonic()
    if failed := run(release, tests, PARALLEL, 3600):
        raise SystemExit(f"without a change {failed} fails, on ididi {release}")
    return 60 + 3 * (time.monotonic() - began)


def noticed_by(mutant: Mutant, likely: tuple[str, ...]) -> str:
    """Return which test notices *mutant*, nothing if none does."""
    stages = [(*stage, PARALLEL, limit(*stage)) for stage in STAGES[mutant.module]]
    if likely:
        release, _, _, seconds = stages[0]
        stages.insert(0, (release, likely, (), seconds))
    file = TREE / "ididi_scopefix" / mutant.module
    original = file.read_text(encoding="utf-8")
    try:
        write(file, mutant.source)
        return next(filter(None, (run(*stage) for stage in stages)), "")
    finally:
        write(file, original)


def write(file: Path, source: str) -> None:
    """Write a module, so that no bytecode of another text passes for it."""
    file.write_text(source, encoding="utf-8")
    for stored in file.parent.glob(f"__pycache__/{file.stem}.*"):
        stored.unlink()


def try_out(mutants: list[Mutant], found: dict[str, str]) -> None:
    """Try the mutants that have no result yet, and store each result at once."""
    copy_project()
    untried = [each for each in mutants if each.id not in found]
    # Whoever ends it half-way has seen something of every module.
    random.Random(1).shuffle(untried)
    killers = {module: Counter[str]() for module in STAGES}
    for mutant in untried:
        here = killers[mutant.module]
        likely = tuple(test for test, _ in here.most_common(KILLERS))
        noticed = noticed_by(mutant, likely)
        if "::" in noticed:
            here[noticed] += 1
        found[mutant.id] = noticed or SURVIVED
        RESULTS.write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(f"{found[mutant.id]}: {mutant}", flush=True)


def report(mutants: list[Mutant], found: dict[str, str]) -> float:
    """Print what became of *mutants*; return the score in per cent."""
    tried = [each for each in mutants if each.id in found]
    survivors = [each for each in tried if found[each.id] == SURVIVED]
    places = Counter(each.place for each in survivors)
    for mutant in survivors:
        _, reason = KNOWN.get(mutant.place, (0, "no test notices it"))
        print(f"{mutant}\n    {reason}")
    for place in sorted(KNOWN.keys() & {each.place for each in tried}):
        if KNOWN[place][0] != places[place]:
            print(f"{place}: {places[place]} survive, known are {KNOWN[place][0]}")
    killed = len(tried) - len(survivors)
    known = sum(min(places[place], count) for place, (count, _) in KNOWN.items())
    score = 100 * killed / max(len(tried) - known, 1)
    print(
        f"{len(tried)} of {len(mutants)} changes were tried; {known} of them are known"
    )
    print(
        f"to be noticed by nothing, {killed} of the others were noticed: {score:.1f} %"
    )
    return score


def main() -> int:
    """Do what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lab.mutants")
    parser.add_argument("--module", action="append", choices=STAGES)
    parser.add_argument("--report", action="store_true", help="of what was tried")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    stored = RESULTS.read_text("utf-8") if RESULTS.exists() else "{}"
    found: dict[str, str] = json.loads(stored)
    mutants = [
        mutant
        for module in options.module or STAGES
        for mutant in mutants_of(module, (PACKAGE / module).read_text("utf-8"))
    ]
    if not options.report:
        try_out(mutants, found)
    return int(report(mutants, found) < GOAL)


if __name__ == "__main__":
    sys.exit(main())

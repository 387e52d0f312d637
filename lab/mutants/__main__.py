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
from pathlib import Path

from lab.mutants.changes import Mutant, mutants_of
from lab.mutants.known import KNOWN
from tests.other_releases import download

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / ".nox" / "mutated"
TREE, RESULTS = FOLDER / "tree", FOLDER / "results.json"
GOAL = 95
"""Per cent of the changes that can be noticed."""
KILLERS = 12
"""How many of the tests that have noticed a change of a module come first."""
SURVIVED = "survived"

CALLS = ("tests/behaviour", "tests/differential")
RELEASES = ("newer_releases", "releases")
STAGES = (
    # The release of ididi, and the tests.
    ("1.8.2", (*CALLS, "tests/faults", "tests/imports", "tests/races", "tests/model")),
    ("1.5.4", CALLS),
    ("1.8.4", CALLS),
    ("1.4.4", CALLS),
    ("1.8.2", ("tests/start_up", "tests/command")),
    ("1.8.2", tuple(f"tests/test_{each}.py" for each in RELEASES)),
)
"""What has to pass before a change counts as survived."""

OPTIONS = ("-x", "--quiet", "--tb=no", "-p", "no:cacheprovider")
PARALLEL = ("--numprocesses", "2", "--dist", "worksteal")


def copy_project() -> None:
    """Copy the project, of which the tests import the copy."""
    shutil.rmtree(TREE, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True
    )
    for name in listed.stdout.decode().split("\0")[:-1]:
        (TREE / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, TREE / name)
    for file in (TREE / "ididi_scopefix").glob("*.py"):
        # As every changed module is written, so that the change is all that differs.
        file.write_text(ast.unparse(ast.parse(file.read_bytes())), encoding="utf-8")


def run(release: str, tests: list[str], options: tuple[str, ...], limit: float) -> str:
    """Run tests until one fails; return which, nothing if none does."""
    dropped = ("PYTHON", "PYTEST", "IDIDI_SCOPEFIX", "VIRTUAL_ENV")
    names = [name for name in os.environ if not name.startswith(dropped)]
    environment = {name: os.environ[name] for name in names}
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
        text=True,
        errors="replace",
        # A group of its own, to be ended with all that it has started.
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limit)
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


def measure() -> dict[int, float]:
    """Run every stage without a change; return how many seconds each takes."""
    seconds = {}
    for number, (release, tests) in enumerate(STAGES):
        began = time.monotonic()
        if failed := run(release, [*tests], PARALLEL, 3600):
            raise SystemExit(f"without a change {failed} fails, on ididi {release}")
        seconds[number] = time.monotonic() - began
    return seconds


def noticed_by(mutant: Mutant, seconds: dict[int, float], likely: list[str]) -> str:
    """Return which test notices *mutant*, nothing if none does."""
    file = TREE / "ididi_scopefix" / mutant.module
    original = file.read_text(encoding="utf-8")
    try:
        write(file, mutant.source)
        if likely and (noticed := run(STAGES[0][0], likely, (), 60 + seconds[0])):
            return noticed
        for number, (release, tests) in enumerate(STAGES):
            limit = 60 + 3 * seconds[number]
            if noticed := run(release, [*tests], PARALLEL, limit):
                return noticed
        return ""
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
    seconds = measure()
    killers: dict[str, Counter[str]] = {}
    untried = [each for each in mutants if each.id not in found]
    # Whoever ends it half-way has seen something of every module.
    random.Random(1).shuffle(untried)
    for mutant in untried:
        here = killers.setdefault(mutant.module, Counter())
        likely = [test for test, _ in here.most_common(KILLERS)]
        noticed = noticed_by(mutant, seconds, likely)
        if "::" in noticed:
            here[noticed] += 1
        found[mutant.id] = noticed or SURVIVED
        RESULTS.write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(f"{found[mutant.id]}: {described(mutant)}", flush=True)


def described(mutant: Mutant) -> str:
    """Return where *mutant* is and what it changes."""
    return f"{mutant.module}:{mutant.line}: {mutant.function}: {mutant.change}"


def report(mutants: list[Mutant], found: dict[str, str]) -> float:
    """Print what became of *mutants*; return the score in per cent."""
    tried = [each for each in mutants if each.id in found]
    survivors = [each for each in tried if found[each.id] == SURVIVED]
    places = Counter(each.place for each in survivors)
    for mutant in survivors:
        _, reason = KNOWN.get(mutant.place, (0, "no test notices it"))
        print(f"{described(mutant)}\n    {reason}")
    for place in sorted(KNOWN.keys() & {each.place for each in tried}):
        if KNOWN[place][0] != places[place]:
            print(f"{place}: {places[place]} survive, known are {KNOWN[place][0]}")
    print(f"\n{'module':20}{'killed':>8}{'survived':>10}{'known':>8}{'score':>8}")
    score = 100.0
    for name in (*sorted({each.module for each in tried}), ""):
        here = sum(each.module.startswith(name) for each in tried)
        left = sum(each.module.startswith(name) for each in survivors)
        known = sum(
            min(count, KNOWN[place][0])
            for place, count in places.items()
            if place in KNOWN and place.startswith(name)
        )
        score = 100 * (here - left) / max(here - known, 1)
        numbers = f"{here - left:8}{left - known:10}{known:8}{score:7.1f}%"
        print(f"{name or 'all':20}{numbers}")
    print(f"{len(tried)} of {len(mutants)} were tried")
    return score


def main() -> int:
    """Do what the command line says; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m lab.mutants")
    parser.add_argument("--module", action="append", metavar="NAME.py")
    parser.add_argument("--sample", type=int, metavar="N", help="only N, drawn")
    parser.add_argument("--report", action="store_true", help="of what was tried")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    found: dict[str, str] = {}
    if RESULTS.exists():
        found = json.loads(RESULTS.read_text(encoding="utf-8"))
    mutants = [
        mutant
        for file in sorted((ROOT / "ididi_scopefix").glob("*.py"))
        if file.name in (options.module or (file.name,))
        for mutant in mutants_of(file.name, file.read_text(encoding="utf-8"))
    ]
    if options.sample:
        mutants = random.Random(0).sample(mutants, min(options.sample, len(mutants)))
    if not options.report:
        try_out(mutants, found)
    return int(report(mutants, found) < GOAL)


if __name__ == "__main__":
    sys.exit(main())

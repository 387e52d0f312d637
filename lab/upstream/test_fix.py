"""With its fix, ididi needs no shim: for the session that has installed it so."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import ididi_scopefix
from lab.upstream import source
from tests import other_releases
from tests.docs.markdown import Document
from tests.environments import attempt

if TYPE_CHECKING:
    import subprocess

FOLDER = os.environ.get("SCOPEFIX_UPSTREAM", "")
"""Where the session has put the sources, before and after the patch."""

pytestmark = pytest.mark.skipif(not FOLDER, reason="runs in the session upstream")

NEW_TESTS = "tests/regression/test_scope_not_found.py"
UNCHANGED = "test_merge_with_scope_started"
"""The one new test of what has worked before and has to go on working."""


def run_tests(side: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run ididi's own tests as its maintainer does, on one of the sources."""
    pytest = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider")
    command = (*pytest, "--capture=fd", "-m", "not benchmark", *options)
    return attempt(*command, folder=Path(FOLDER, side), IDIDI_SCOPEFIX="0")


def test_ididi_s_own_tests_pass() -> None:
    """The old ones and those of the patch."""
    finished = run_tests("after", "tests")

    assert finished.returncode == 0, finished.stdout


def test_the_new_tests_fail_without_the_fix() -> None:
    """All but one, which is of what has to stay."""
    finished = run_tests("before", "-rp", "--tb=no", NEW_TESTS)

    passed = [
        line.rpartition("::")[2]
        for line in finished.stdout.splitlines()
        if line.startswith("PASSED")
    ]
    assert (finished.returncode, passed) == (1, [UNCHANGED]), finished.stdout


def test_the_change_is_in_the_changelog() -> None:
    """At the top, under the number of the release that it goes into."""
    text = Path(FOLDER, "after", "CHANGELOG.md").read_text(encoding="utf-8")

    assert text.split("## ")[1].startswith(f"version {source.NEXT}\n")


def test_the_shim_leaves_it_alone() -> None:
    """It has tried every scope call, and none of them needs it."""
    import ididi

    status = ididi_scopefix.status()

    assert (ididi.VERSION, status.state) == (source.NEXT, "inactive")
    assert f"ididi {source.NEXT} answers in every context by itself" in status.reason
    assert status.patched == ()


def test_doctor_says_that_the_shim_is_not_needed() -> None:
    """In every kind of context."""
    finished = attempt(sys.executable, "-m", "ididi_scopefix", "doctor", "--json")

    report = json.loads(finished.stdout)
    assert finished.returncode == 0, finished.stdout
    errors = [e for kind in report["without_shim"].values() for e in kind.values()]
    assert set(errors) == {None}
    assert report["with_shim"] is None
    assert "works in every context by itself" in report["verdict"][0]


def test_the_page_s_table_is_what_the_releases_do(tmp_path: Path) -> None:
    """Those that it names are downloaded; the patched one is the session's own."""
    program = Path(__file__).with_name("calls.py")
    columns, *rows = Document("docs/upstream/README.md").table("ididi")

    for name, *cells in rows:
        folder = Path(FOLDER, "after")
        if name != "patched":
            folder = other_releases.download(name, tmp_path / name)
        variables = {"PYTHONPATH": str(folder), "IDIDI_SCOPEFIX": "0"}
        finished = attempt(sys.executable, str(program), **variables)
        assert finished.returncode == 0, finished.stderr
        assert dict(zip(columns[1:], cells)) == json.loads(finished.stdout), name

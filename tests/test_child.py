"""The marker that runs the body of a test in a new interpreter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Callable

import pytest

from tests import child

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["pytester"]

Report = Callable[..., str]


@pytest.fixture
def report(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Report:
    """Runs a file of one test and returns what pytest says of it."""
    # Other plugins would be imported anew at each run.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run(source: str, outcome: str = "failed") -> str:
        pytester.makepyfile(source)
        result = pytester.runpytest_inprocess("-p", "tests.child")
        assert result.parseoutcomes() == {outcome: 1}
        return result.stdout.str()

    return run


@pytest.mark.unchanged
@pytest.mark.child
def test_a_body_is_the_main_program() -> None:
    """It has nothing of the test file but its name and lines."""
    import linecache
    import sys

    class Service:
        pass

    def frame_of_a_call() -> object:
        return sys._getframe()

    assert __name__ == "__main__"
    assert Service.__qualname__ == "Service"
    assert "pytest" not in sys.modules
    assert "Report" not in globals()
    frame = frame_of_a_call()
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
    assert line.strip() == "return sys._getframe()"
    assert frame.f_back.f_code.co_name == "<module>"
    assert frame.f_back.f_back is None


@pytest.mark.unchanged
@pytest.mark.child
def test_a_body_can_import_helpers_of_the_tests() -> None:
    """They are found last: what is installed goes before the checkout."""
    import sys
    from pathlib import Path

    from tests import pythons

    assert Path(pythons.__file__).parents[1] == Path(sys.path[-1])


@pytest.mark.unchanged
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.child(
    env={"GIVEN": "{number}", "HOME": None, "PYTHONPATH": "{tmp_path}"},
    options=["-X", "dev", "-O"],
    status=3,
    out="ready\n",
    err=re.compile(r"said \w+\n").fullmatch,
)
def test_a_child_runs_as_its_marker_says(number: int, tmp_path: Path) -> None:
    """What it writes and how it ends is what the marker expects, too."""
    import os
    import sys

    assert os.environ["GIVEN"] == str(number)
    assert "HOME" not in os.environ
    assert str(tmp_path) in sys.path
    assert tmp_path.is_dir()
    assert sys.flags.dev_mode
    print("ready")
    print("said something", file=sys.stderr)
    sys.exit(3)


@pytest.mark.child
def test_a_child_has_the_shim_as_the_run_has_it() -> None:
    """Any program finds the installed shim, unless the run has it off."""
    import ididi_scopefix

    assert ididi_scopefix.status().state == "waiting"


@pytest.mark.child(env={"IDIDI_SCOPEFIX": None})
def test_no_marker_switches_the_shim_on_in_a_control() -> None:
    """A control is one for programs that set the switch, too."""
    import ididi_scopefix

    assert ididi_scopefix.status().state == "waiting"


@pytest.mark.unchanged
def test_a_failure_shows_the_lines_of_the_test(report: Report) -> None:
    """The child's output and traceback are all that is shown."""
    text = report(
        """
        import pytest

        @pytest.mark.child
        def test_sum():
            def check():
                assert total == 3

            total = 1 + 1
            print("added")
            check()
        """
    )
    assert "it ended with status 1, not 0" in text
    assert re.search(r"Standard output:\n +added\n", text)
    assert re.search(r'test_\w+\.py", line 6, in check\n +assert total == 3\n', text)
    assert "run_in_child" not in text


@pytest.mark.unchanged
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ("", "its standard error is not as expected: ''"),
        ("err=None, out='loud'", "its standard output is not as expected: 'loud'"),
        ("err=str.isdigit", "its standard error is not as expected: <method"),
        ("err=None, status=1", "it ended with status 0, not 1"),
    ],
)
def test_a_failure_says_what_was_expected(
    report: Report, arguments: str, reason: str
) -> None:
    """Standard error is to be empty unless the marker says otherwise."""
    text = report(
        f"""
        import pytest

        @pytest.mark.child({arguments})
        def test_noise():
            import sys
            sys.stderr.write("noise")
        """
    )
    assert reason in text
    assert re.search(r"Standard error:\n +noise\n", text)


@pytest.mark.unchanged
def test_a_child_that_does_not_end_is_killed(
    monkeypatch: pytest.MonkeyPatch, report: Report
) -> None:
    """A loop without an end fails its own test and stops no other."""
    monkeypatch.setattr(child, "TIMEOUT", 1)
    text = report(
        """
        import pytest

        @pytest.mark.child
        def test_loop():
            while True:
                pass
        """
    )
    assert "it did not end within 1 seconds" in text


@pytest.mark.unchanged
def test_a_failing_child_is_a_failed_assertion(report: Report) -> None:
    """A test that is expected to fail with one may run in a child."""
    report(
        """
        import pytest

        @pytest.mark.xfail(raises=AssertionError, strict=True)
        @pytest.mark.child
        def test_error():
            raise LookupError
        """,
        outcome="xfailed",
    )

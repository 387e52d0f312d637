"""The marker that runs the body of a test in a new interpreter."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ["pytester"]


@pytest.mark.unchanged
@pytest.mark.child
def test_a_body_is_the_main_program() -> None:
    """It has nothing of its file but name and lines, and can import other helpers."""
    import sys
    from pathlib import Path

    from tests import pythons

    assert __name__ == "__main__"
    assert not {"child", "re"} & {*globals()}
    assert sys._getframe().f_code.co_name == "<module>"
    assert sys._getframe().f_back is None
    # What is installed goes before the checkout.
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


@pytest.mark.unchanged
@pytest.mark.parametrize(
    ("arguments", "statement", "lines"),
    [
        ("", "assert x", ["*status is not*: 0.", "*said", "* line 6, in call"]),
        ("status=1", "pass", ["*status is not as expected: 1."]),
        ("out='loud'", "pass", ["*output is not as expected: 'loud'.", "*said"]),
        ("err='loud'", "pass", ["*error is not as expected: 'loud'.", "*said"]),
    ],
)
def test_a_failure_says_what_was_expected_and_what_came(
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    arguments: str,
    statement: str,
    lines: list[str],
) -> None:
    """The child's output and traceback are all that is shown."""
    # Other plugins would be imported anew.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.child({arguments})
        def test_it():
            def call(x=0):
                {statement}

            print("said", flush=True)
            call()
        """
    )
    result = pytester.runpytest_inprocess("-p", "tests.child")
    assert result.parseoutcomes() == {"failed": 1}
    result.stdout.fnmatch_lines(lines)
    result.stdout.no_fnmatch_line("*run_in_child*")

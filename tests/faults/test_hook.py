"""What is left of ididi when the hook fails, wherever it does."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests import children, shape

INJECTION = Path(__file__).with_name("injection.py")
PROCESSES = 2

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="each fault is a fork"),
    pytest.mark.skipif(
        not shape.has_mutable_classes(),
        reason="looks at the methods, which compiled classes keep",
    ),
]


def inject(error: str, step: int) -> list[Any]:
    """Let one in *step* lines of the hook raise *error*; return what is wrong."""

    def share(first: int) -> list[Any]:
        argv = [str(INJECTION), error, str(first), str(step * PROCESSES)]
        child = children.run(
            f"""
            import runpy, sys
            sys.argv = {argv!r}
            runpy.run_path(sys.argv[0])
            """
        )
        return [json.loads(line) for line in child.stdout.splitlines()]

    with ThreadPoolExecutor(PROCESSES) as pool:
        firsts = range(1, 1 + step * PROCESSES, step)
        told = [each for answer in pool.map(share, firsts) for each in answer]
    ends = [each for each in told if "lines" in each]
    assert len(ends) == PROCESSES
    # Otherwise the tracing has missed the hook, and nothing was tested.
    assert [each["untraced"] for each in ends] == [[]] * PROCESSES
    assert min(each["lines"] for each in ends) > 200
    return [each for each in told if "problem" in each]


def test_ididi_is_patched_whole_or_not_at_all_whichever_statement_fails() -> None:
    """And its import succeeds, and the next activate() puts all right."""
    found = inject("Exception", step=1)
    assert found == [], "\n".join(map(str, found))


def test_an_interrupt_leaves_ididi_patched_whole_or_not_at_all() -> None:
    """It ends the import, as it does without us, but never half a patch."""
    found = inject("KeyboardInterrupt", step=1)
    assert found == [], "\n".join(map(str, found))


def test_a_logging_filter_that_raises_does_not_make_the_import_fail() -> None:
    """Not even when there is a failure to be logged."""
    children.run(
        """
        import logging, sys
        import ididi_scopefix

        class Filter(logging.Filter):
            def filter(self, record):
                raise RuntimeError("a bug of the program's own")

        logging.getLogger("ididi_scopefix").addFilter(Filter())
        logging.getLogger("ididi_scopefix").setLevel(1)
        sys.modules["packaging"] = None
        import ididi
        assert ididi_scopefix.status().state == "failed"
        """
    )

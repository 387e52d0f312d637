"""What tests of importing need on top of a child interpreter."""

from __future__ import annotations

import os
import sys

import ididi.graph
import pytest

needs_source = pytest.mark.skipif(
    not str(ididi.graph.__file__).endswith(".py"),
    reason="this ididi is compiled, and a compiled module is never run again",
)
"""Marks a test that runs the code of ``ididi.graph`` again, or edits it."""


@pytest.fixture
def sites() -> str:
    """A ``PYTHONPATH`` for ``-S``, which keeps the start-up line from being run."""
    return os.pathsep.join(filter(None, sys.path))

"""What the tests can't take for granted of every Python that runs them."""

from __future__ import annotations

import gc
import sys
import sysconfig

import pytest

IS_PYPY = sys.implementation.name == "pypy"

counts_references = pytest.mark.skipif(
    IS_PYPY, reason="PyPy frees nothing before its collector runs"
)
"""Marks a test of what is freed without the collector."""

measures_memory = pytest.mark.skipif(
    IS_PYPY or bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    reason="PyPy has no tracemalloc; a free-threaded build frees memory later,"
    " with plain ididi too",
)
"""Marks a test that compares the size of the process before and after."""

sees_uncollectable = pytest.mark.skipif(
    not hasattr(gc, "DEBUG_UNCOLLECTABLE"),
    reason="PyPy's collector doesn't tell what it can't collect",
)
"""Marks a test that looks at ``gc.garbage``."""


def collect() -> None:
    """Collect garbage, until what a finalizer has let go is gone as well."""
    # Once is enough for CPython. PyPy frees what a finalized generator held in
    # the next collection, and clears weak references to it in another.
    for _ in range(3 if IS_PYPY else 1):
        gc.collect()

"""What the tests can't take for granted of every Python that runs them."""

from __future__ import annotations

import gc
import sys
import sysconfig
from importlib.metadata import version

import pytest
from packaging.version import Version

IS_PYPY = sys.implementation.name == "pypy"
IS_FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))

reads_annotations = pytest.mark.xfail(
    sys.version_info >= (3, 15) and Version(version("ididi")) <= Version("1.8.4"),
    reason="ididi up to 1.8.4 can't read annotations on Python 3.15, with or"
    " without the shim",
)
"""Marks a test in which ididi has to read annotations."""

EMPTY_THREADS = {"PYTHON_THREAD_INHERIT_CONTEXT": "0"}
"""Lets threads start in an empty context, as in every default build of Python.

In free-threaded builds of 3.14 and newer they start in a copy of their starter's.
"""

may_inherit_contexts = pytest.mark.skipif(
    sys.version_info < (3, 14),
    reason="before Python 3.14 no thread starts in a copy of a context",
)
"""Marks a test of threads that start in a copy of their starter's context."""

SYMPTOM = "" if IS_PYPY else "<ContextVar name='idid_scope_ctx'"
"""How ididi's error begins; PyPy's does not say of which variable it is."""


def collect() -> None:
    """Collect garbage, until what a finalizer has freed is gone as well."""
    # Once is enough for CPython. PyPy frees what a finalized generator held in
    # the next collection, and clears weak references to it in another.
    for _ in range(3 if IS_PYPY else 1):
        gc.collect()

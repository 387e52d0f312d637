"""The collector, for tests in which it is up to the program alone when objects go."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING, Any

import ididi.graph
import pytest

from tests.pythons import IS_PYPY, collect

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def collected_by_hand() -> Iterator[None]:
    """Objects go when the test says so."""
    gc.disable()
    yield
    gc.enable()
    if not IS_PYPY:
        gc.unfreeze()


def collect_and_freeze() -> None:
    """Collect garbage, and have the collector pass over what is left from now on."""
    # ididi's caches keep something of each program. To look at all of it after each
    # would make ten thousand programs take a day.
    clear_caches()
    collect()
    if not IS_PYPY:
        gc.freeze()


def clear_caches() -> None:
    """Empty a cache of ididi's own that keeps graphs alive."""
    cached: Any = ididi.graph.Resolver.should_be_scoped
    clear = getattr(cached, "cache_clear", None)
    if clear is not None:
        clear()

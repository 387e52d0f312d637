"""The model against the real thing: see :mod:`tests.model.machine`."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import Machine
from tests.pythons import IS_PYPY, collect


@pytest.fixture
def _quick_collections() -> Iterator[None]:
    """Have the collector pass over what was there before."""
    collect()
    if not IS_PYPY:
        gc.freeze()
    yield
    if not IS_PYPY:
        gc.unfreeze()


@pytest.mark.usefixtures("_quick_collections")
def test_every_call_is_answered_as_the_model_says(profile: settings) -> None:
    """Graphs, contexts, scopes and the shim come and go in any order."""
    run_state_machine_as_test(Machine, settings=profile)

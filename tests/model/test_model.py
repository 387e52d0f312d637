"""The model against the real thing: see :mod:`tests.model.machine`."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import Machine


@pytest.mark.usefixtures("collected_by_hand")
def test_every_call_is_answered_as_the_model_says(profile: settings) -> None:
    """Graphs, contexts, scopes and the shim come and go in any order."""
    run_state_machine_as_test(Machine, settings=profile)

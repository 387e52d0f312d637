"""The model against the real thing: see :mod:`tests.model.machine`."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.model.machine import Machine


def test_every_context_sees_the_scope_that_the_model_says(
    request: pytest.FixtureRequest,
) -> None:
    """Whatever programs do with graphs, contexts, scopes and the shim."""
    profile = request.config.getoption("--hypothesis-profile") or "short"
    run = settings.get_profile(profile)
    if request.config.getoption("--control"):
        # The first difference will do, as it was found.
        run = settings(run, phases=[Phase.generate], report_multiple_bugs=False)
    run_state_machine_as_test(Machine, settings=run)

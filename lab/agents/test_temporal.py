"""A sandbox imports the shim and ididi anew, and the program stays as it was."""

from __future__ import annotations

import asyncio
import sys

import pytest

from lab.agents import launchers

pytestmark = pytest.mark.skipif(
    launchers.installed() != "temporal", reason="`make agents` installs temporalio"
)

STARTS = 100


def finders() -> list[str]:
    """Return what is asked for modules; a sandbox has classes of its own."""
    return [
        getattr(each, "__qualname__", type(each).__name__) for each in sys.meta_path
    ]


def test_a_hundred_starts_of_a_workflow_leave_no_finders() -> None:
    """In each sandbox ididi is patched, and ``sys.meta_path`` does not grow."""
    from temporalio import workflow
    from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

    # Its module fails to be imported where a scope is not found.
    from lab.agents.workflow import Greeting

    made = []

    class Runner(SandboxedWorkflowRunner):
        def create_instance(self, details):  # type: ignore[no-untyped-def]
            made.append(super().create_instance(details))
            return made[-1]

    definition = workflow._Definition.must_from_class(Greeting)

    async def start() -> None:
        Runner().prepare_workflow(definition)

    asyncio.run(start())
    before = finders()

    for _ in range(STARTS - 1):
        asyncio.run(start())

    assert finders() == before
    # The sandbox has classes of its own, and so a graph of its own.
    found = {each.globals_and_locals["__temporal_workflow_class"] for each in made}
    assert len(found) == STARTS
    assert Greeting not in found

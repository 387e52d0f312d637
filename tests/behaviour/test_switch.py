"""What the environment variable ``IDIDI_SCOPEFIX`` switches."""

from __future__ import annotations

import os

import pytest

from tests import children


@pytest.mark.parametrize("value", ["0", "false", "off", "no", "OFF", "False", " no "])
@pytest.mark.unchanged
@pytest.mark.shim
def test_the_switch_disables_everything(value: str) -> None:
    """ididi is plain ididi, and activate() does not change that."""
    children.run(
        """
        import sys
        before = list(sys.meta_path)
        import ididi_scopefix
        assert ididi_scopefix.activate().state == "disabled"
        reason = ididi_scopefix.status().reason
        assert reason == "IDIDI_SCOPEFIX is off in the environment; unset it."
        assert [type(each) for each in sys.meta_path] == [type(each) for each in before]
        import ididi
        from contextvars import Context
        assert "wrapt" not in sys.modules
        graph = ididi.Graph()
        import pytest
        with pytest.raises(LookupError):
            Context().run(graph.use_scope)
        assert ididi_scopefix.status().state == "disabled"
        # Safe to call all the same, and without a trace.
        context = Context()
        assert context.run(ididi_scopefix.seed, graph).name == "__ididi_default_scope__"
        assert len(context) == 0
        """,
        IDIDI_SCOPEFIX=value,
    )


LISTEN = f"""{children.LISTEN}
import ididi_scopefix, ididi, ididi.graph
ididi_scopefix.activate()
status = ididi_scopefix.status()
assert status.state == "active", status
"""


@pytest.mark.parametrize("value", ["", "1", "true", "on", "yes", "ON", " Yes "])
@pytest.mark.shim
def test_the_switch_says_that_the_shim_is_on(value: str) -> None:
    """As if it were not set."""
    children.run(
        f"{LISTEN}assert warnings == [], warnings",
        IDIDI_SCOPEFIX=os.environ.get("IDIDI_SCOPEFIX", value),
    )


@pytest.mark.shim
def test_the_switch_makes_the_shim_talk() -> None:
    """It is on, and that is no warning."""
    children.run(
        f"{LISTEN}assert warnings == [], warnings",
        IDIDI_SCOPEFIX=os.environ.get("IDIDI_SCOPEFIX", "verbose"),
    )


@pytest.mark.parametrize("value", ["2", "n", "none", "nope", "00", "disabled"])
@pytest.mark.shim
def test_a_value_that_the_switch_does_not_know_costs_one_warning(value: str) -> None:
    """Nobody switches the shim off by chance, nor leaves it on unknowingly."""
    children.run(
        f"""{LISTEN}
(warning,) = warnings
for text in (warning, status.reason):
    assert "IDIDI_SCOPEFIX" in text, text
    assert {value!r} in text, text
""",
        IDIDI_SCOPEFIX=os.environ.get("IDIDI_SCOPEFIX", value),
    )

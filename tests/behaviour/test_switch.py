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
        assert "IDIDI_SCOPEFIX" in ididi_scopefix.status().reason
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


@pytest.mark.parametrize("value", ["1", "true", "on", "yes", "", "2", "nope"])
@pytest.mark.shim
def test_anything_else_is_as_if_the_switch_were_unset(value: str) -> None:
    """Only a no is a no."""
    children.run(
        """
        import ididi_scopefix, ididi
        assert ididi_scopefix.status().state == "active"
        """,
        IDIDI_SCOPEFIX=os.environ.get("IDIDI_SCOPEFIX", value),
    )

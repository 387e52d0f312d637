"""The names that a program may use."""

from __future__ import annotations

import pytest

import ididi_scopefix


@pytest.mark.unchanged
def test_the_public_names_are_there() -> None:
    """And only they are offered."""
    for name in ididi_scopefix.__all__:
        assert getattr(ididi_scopefix, name)
        assert name in dir(ididi_scopefix)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ididi_scopefix.nothing  # type: ignore[attr-defined]

"""The shape of the ididi that is installed, which decides how it is patched."""

from __future__ import annotations

from typing import Any

import ididi.graph
import pytest


def has_mutable_classes() -> bool:
    """Tell whether methods can be replaced, and then know their graph."""
    try:
        ididi.graph.Resolver.__doc__ = ididi.graph.Resolver.__doc__
    except (TypeError, AttributeError):
        return False
    return True


methods_only = pytest.mark.skipif(
    not has_mutable_classes(),
    reason="compiled classes don't tell on which graph a call is made",
)
"""Marks a test of releases whose methods are replaced."""

compiled_only = pytest.mark.skipif(
    has_mutable_classes(), reason="calls tell on which graph they are made"
)
"""Marks a test of releases whose variable is replaced."""


def clear_caches() -> None:
    """Empty a cache of ididi's own that keeps graphs alive."""
    cached: Any = ididi.graph.Resolver.should_be_scoped
    clear = getattr(cached, "cache_clear", None)
    if clear is not None:
        clear()

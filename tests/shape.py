"""The shape of the ididi that is installed, which decides how it is patched."""

from __future__ import annotations

import ididi.graph


def has_mutable_classes() -> bool:
    """Tell whether methods can be replaced, and then know their graph."""
    try:
        ididi.graph.Resolver.__doc__ = ididi.graph.Resolver.__doc__
    except (TypeError, AttributeError):
        return False
    return True

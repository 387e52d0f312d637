"""What the child interpreters of these tests ask of ididi and of the shim."""

from __future__ import annotations

import re
import sys
from contextvars import Context

ONE_WARNING = re.compile(
    r"ididi-scopefix is not active: .*; ididi is as it was\.\n"
).fullmatch
"""Is true of the one line that a failure costs."""


def check_patched() -> None:
    """Expect ididi to be patched by the one finder there is, and status() to know."""
    import ididi

    import ididi_scopefix

    graph = Context().run(ididi.Graph)
    assert Context().run(graph.use_scope).name == "__ididi_default_scope__"
    status = ididi_scopefix.status()
    assert status.state == "active", status
    assert finders() == 1, sys.meta_path


def check_unpatched(state: str, words: str) -> None:
    """Expect ididi to be as it was, for a reason of one line that has *words*."""
    import ididi

    import ididi_scopefix

    assert ididi.Graph
    status = ididi_scopefix.status()
    assert status.state == state, status
    assert status.patched == (), status
    assert words in status.reason, status
    assert "\n" not in status.reason, status


def raises() -> bool:
    """Tell whether a scope call in an empty context raises, as in plain ididi."""
    import ididi

    graph = Context().run(ididi.Graph)
    try:
        Context().run(graph.use_scope)
    except LookupError:
        return True
    return False


def finders() -> int:
    """Return how many finders of the shim there are."""
    kinds = [type(finder) for finder in sys.meta_path]
    return [kind.__module__ for kind in kinds].count("ididi_scopefix")


def remove(*packages: str) -> None:
    """Remove *packages* and all their modules, so that they are imported anew."""
    for name in list(sys.modules):
        if name.partition(".")[0] in packages:
            del sys.modules[name]

"""The hook: from an import of ididi, through wrapt, to the patch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ididi_scopefix import _GRAPH, activation, log

if TYPE_CHECKING:
    from types import ModuleType

# Whether wrapt has a hook of ours that has not fired yet. wrapt drops a hook
# once it has fired, so that a second import needs a new one.
_registered = False


def register() -> None:
    """Register the hook on ``ididi.graph`` with wrapt, unless it is there."""
    global _registered
    if _registered or _GRAPH in sys.modules:
        return
    try:
        import wrapt

        _registered = True
        wrapt.register_post_import_hook(_on_graph, _GRAPH)
    except Exception as error:
        # Not the end: loaded() does it, or reports that wrapt is missing.
        _registered = False
        log.log(log.DEBUG, "wrapt has not taken the hook", error=error)


def loaded(module: ModuleType) -> None:
    """Do what is left to do when the code of an awaited *module* has run.

    For ``ididi``: what could not be decided before the whole of it was there.
    For ``ididi.graph``: nothing, unless it was imported on its own or reloaded.
    wrapt's finder, which stands before ours, had no hook to fire then.
    """
    if module.__name__ == _GRAPH:
        activation.consider(module)
    elif _GRAPH in sys.modules:
        activation.consider(sys.modules[_GRAPH], whole=True)


def _on_graph(module: ModuleType) -> None:
    """Patch ``ididi.graph``, whose code has just run."""
    global _registered
    try:
        _registered = False
        activation.consider(module)
    except Exception as error:
        # What a hook raises, wrapt lets the import of ididi raise.
        activation.fail("could not patch ididi", error, module)

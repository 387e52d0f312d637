"""The hook: from an import of ididi, through wrapt, to the patch."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ididi_scopefix import activation
from ididi_scopefix.finder import GRAPH, PACKAGE

if TYPE_CHECKING:
    from types import ModuleType

# The names for which wrapt has a hook of ours that has not fired yet. wrapt
# drops a hook once it has fired, so that a second import needs a new one.
_registered: set[str] = set()


def register() -> None:
    """Register the hooks with wrapt, but those that are there already."""
    try:
        _register()
    except Exception as error:
        activation.fail("could not hook the import of ididi", error)


def loaded(module: ModuleType) -> None:
    """Do what the hooks do, for an import that wrapt has not seen begin.

    wrapt's finder is asked before the hooks are registered, when the package
    itself is imported first. Where both come here, the second finds it done.
    """
    if module.__name__ == GRAPH:
        activation.consider(module)
    elif GRAPH in sys.modules:
        activation.consider(sys.modules[GRAPH], complete=True)


def _register() -> None:
    import wrapt

    for name, hook in ((PACKAGE, _on_package), (GRAPH, _on_graph)):
        if name not in sys.modules and name not in _registered:
            _registered.add(name)
            try:
                wrapt.register_post_import_hook(hook, name)
            except BaseException:
                _registered.discard(name)
                raise


def _on_graph(module: ModuleType) -> None:
    """Patch ``ididi.graph``, whose code has just run."""
    try:
        _registered.discard(GRAPH)
        activation.consider(module)
    except Exception as error:
        # What a hook raises, wrapt lets the import of ididi raise.
        activation.fail("could not patch ididi", error, module)


def _on_package(package: ModuleType) -> None:
    """Decide what could not be decided before the whole of ididi was there."""
    try:
        _registered.discard(PACKAGE)
        module = sys.modules.get(GRAPH)
        if module is not None:
            activation.consider(module, complete=True)
    except Exception as error:
        activation.fail("could not patch ididi", error)

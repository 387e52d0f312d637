"""The hook: from an import of ididi, through wrapt, to the patch."""

from __future__ import annotations

import importlib.util
import sys
from _thread import get_ident
from typing import TYPE_CHECKING, Optional

from ididi_scopefix import _GRAPH, _PACKAGE, activation

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType

# The names for which wrapt has a hook of ours that has not fired yet. wrapt
# drops a hook once it has fired, so that a second import needs a new one.
_registered: set[str] = set()

# Which thread is asking the other finders for which name, through us.
_asking: set[tuple[int, str]] = set()


def hand_over(fullname: str) -> Optional[ModuleSpec]:
    """Leave the import of *fullname* to wrapt's post-import hooks.

    Returns:
        The spec that makes the hooks fire after the import, or ``None`` to let
        the import go its way.
    """
    question = (get_ident(), fullname)
    if question in _asking:
        return None
    try:
        _asking.add(question)
        _register()
        # wrapt's own finder stands before ours and was asked before it had a
        # hook to fire. Ask them all again: this time it has.
        if fullname not in sys.modules:
            return importlib.util.find_spec(fullname)
    except Exception as error:
        activation.fail("could not hook the import of ididi", error)
    finally:
        _asking.discard(question)
    return None


def _register() -> None:
    """Register the hooks with wrapt, but those that are there already."""
    import wrapt

    for name, hook in ((_PACKAGE, _on_package), (_GRAPH, _on_graph)):
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
        _registered.discard(_GRAPH)
        activation.consider(module)
    except Exception as error:
        # What a hook raises, wrapt lets the import of ididi raise.
        activation.fail("could not patch ididi", error, module)


def _on_package(package: ModuleType) -> None:
    """Decide what could not be decided before the whole of ididi was there."""
    try:
        _registered.discard(_PACKAGE)
        module = sys.modules.get(_GRAPH)
        if module is not None:
            activation.consider(module, complete=True)
    except Exception as error:
        activation.fail("could not patch ididi", error)

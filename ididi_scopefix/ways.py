"""Which of the two ways a module can be patched: its classes decide."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

    from ididi_scopefix.patch import Patch


def choose(module: ModuleType) -> Patch:
    """Return a patch for *module*, not in force yet.

    Raises:
        AttributeError: the module lacks something that is to be replaced.
    """
    # Here and not above: the import of ididi does not wait for the other way.
    if _is_mutable(module.Resolver):
        from ididi_scopefix.methods import MethodsPatch

        return MethodsPatch(module)
    from ididi_scopefix.variable import VariablePatch

    return VariablePatch(module)


def _is_mutable(cls: type) -> bool:
    """Tell whether the attributes of *cls* can be set, by setting one.

    To what it is already: nothing changes where it is allowed.
    """
    try:
        cls.__doc__ = cls.__doc__
    except (TypeError, AttributeError):
        return False
    return True

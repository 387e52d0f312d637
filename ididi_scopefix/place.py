"""A place that a patch changes: one attribute of one class or module."""

from __future__ import annotations

from typing import Any, Callable


class _Layer:
    """A replacement, and what was there before it."""

    def __init__(self, original: Any, replacement: Any) -> None:
        self.original = original
        self.replacement = replacement


class Place:
    """Replaces one attribute, and puts back what was there.

    Args:
        owner: the class or module that has the attribute in its own namespace.
        attribute: the attribute's name.
        make: makes the replacement from what is there.
    """

    def __init__(self, owner: Any, attribute: str, make: Callable[[Any], Any]) -> None:
        self.owner = owner
        self.attribute = attribute
        self._make = make
        # One, but for libraries that wrap the attribute without telling what
        # they wrap: there, one may be buried while the next one is on top.
        self._layers: list[_Layer] = []

    @property
    def name(self) -> str:
        """The full name of the attribute, such as a reader would import it."""
        owner = self.owner
        if isinstance(owner, type):
            return f"{owner.__module__}.{owner.__qualname__}.{self.attribute}"
        return f"{owner.__name__}.{self.attribute}"

    def replace(self) -> None:
        """Put the replacement in, unless it is there already.

        If another library has wrapped it since, it is there still, inside.
        """
        if not self._is_replaced():
            original = self._content()
            layer = _Layer(original, self._make(original))
            # Noted first: whatever happens next, it can be put back.
            self._layers.append(layer)
            setattr(self.owner, self.attribute, layer.replacement)

    def restore(self) -> None:
        """Put the original back, unless something else is there by now."""
        while (layer := self._outermost()) is not None:
            setattr(self.owner, self.attribute, layer.original)
            self._layers.remove(layer)

    def covered(self) -> Any:
        """Return what the replacement covers, if nothing covers that in turn."""
        layer = self._outermost()
        return None if layer is None else layer.original

    def _outermost(self) -> _Layer | None:
        content = self._content()
        for layer in self._layers:
            if layer.replacement is content:
                return layer
        return None

    def _is_replaced(self) -> bool:
        """Tell whether a replacement is there, outermost or wrapped."""
        replacements = {id(layer.replacement) for layer in self._layers}
        found = self._content()
        # By the attribute that functools and wrapt leave on what they wrap. A
        # chain of them can be a ring only by mischief; a hundred will do.
        for _ in range(100):
            if id(found) in replacements:
                return True
            if not hasattr(found, "__wrapped__"):
                return False
            found = found.__wrapped__
        return False

    def _content(self) -> Any:
        """Return what is there now, not bound to anything."""
        return self.owner.__dict__.get(self.attribute)

"""A place that a patch changes: one attribute of one class or module."""

from __future__ import annotations

from typing import Any, Callable


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
        self._original: Any = None
        self._replacement: Any = None

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
        if not self.is_replaced():
            original = self._content()
            replacement = self._make(original)
            setattr(self.owner, self.attribute, replacement)
            self._original, self._replacement = original, replacement

    def restore(self) -> None:
        """Put the original back, unless something else is there by now."""
        replacement = self._replacement
        if replacement is not None and self._content() is replacement:
            setattr(self.owner, self.attribute, self._original)
            self._original = self._replacement = None

    def is_replaced(self) -> bool:
        """Tell whether the replacement is there, outermost or wrapped."""
        if self._replacement is None:
            return False
        found = self._content()
        # By the attribute that functools and wrapt leave on what they wrap. A
        # chain of them can be a ring only by mischief; a hundred will do.
        for _ in range(100):
            if found is self._replacement:
                return True
            if found is self._original or not hasattr(found, "__wrapped__"):
                return False
            found = found.__wrapped__
        return False

    def _content(self) -> Any:
        """Return what is there now, not bound to anything."""
        return self.owner.__dict__.get(self.attribute)

"""What the shim says about itself: its :class:`Status`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Optional

State = Literal["waiting", "active", "inactive", "disabled", "failed"]


@dataclass(frozen=True)
class Status:
    """What the shim does in this process, and why.

    Attributes:
        state: ``"waiting"``: armed, and ididi has not been imported yet;
            ``"active"``: ididi is patched; ``"inactive"``: there is nothing to
            do or it isn't possible; ``"disabled"``: switched off, by the
            environment or by :func:`~ididi_scopefix.deactivate`; ``"failed"``:
            something went wrong and ididi is as it was.
        ididi_version: the version of ididi, known from the distribution's
            metadata before ididi is imported too; ``None`` if there is none.
        reason: one sentence a person can act on.
        patched: the names of what was replaced, ``()`` if nothing is.
        seeded: how many contexts this process has seeded so far. Without the
            shim, each of them would have been a ``LookupError``.
    """

    state: State
    ididi_version: Optional[str]
    reason: str
    patched: tuple[str, ...] = ()
    seeded: int = 0

    def __str__(self) -> str:
        version = self.ididi_version or "none"
        text = f"ididi-scopefix {self.state} (ididi {version}): {self.reason}"
        if self.patched:
            text += f" Patched: {', '.join(self.patched)}."
        if self.seeded:
            text += f" Contexts seeded: {self.seeded}."
        return text

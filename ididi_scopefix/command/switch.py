"""What to say about a value of the switch that means nothing."""

from __future__ import annotations

import os
from typing import Optional

from ididi_scopefix import _SWITCH

_KNOWN = ("", "0", "false", "off", "no", "1", "true", "on", "yes", "verbose")


def about_unknown() -> Optional[str]:
    """Return a sentence about the switch if its value is unknown, else ``None``."""
    value = os.environ.get(_SWITCH, "")
    if value.strip().lower() in _KNOWN:
        return None
    return (
        f"{_SWITCH}={value} is an unknown value, so the shim is on: set it to 0 to"
        " switch it off, to 1 or verbose to leave it on."
    )

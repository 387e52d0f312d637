"""The switch: the one environment variable that this package reads."""

from os import environ

VARIABLE = "IDIDI_SCOPEFIX"

_NO = frozenset(("0", "false", "off", "no"))


def is_off() -> bool:
    """Tell whether the environment says no.

    ``0``, ``false``, ``off`` and ``no`` in any case, with white space around
    them or not, say no. Anything else is as if the variable were not set.
    """
    return environ.get(VARIABLE, "").strip().lower() in _NO

"""How many changes of a function no test can notice, and why.

A change that nothing can observe because the code is not needed is no reason: that
code goes.
"""

from __future__ import annotations

KNOWN: dict[str, tuple[int, str]] = {
    "_log.py: decided": (1, "what stands for no value has only to be no known one"),
    "_variable.py: <module>": (1, "the name of an attribute means nothing"),
    "_variable.py: ScopeVariable.set": (1, "more is looked at, to no other effect"),
}
"""By the function, as the report names it."""

"""How many changes of a function no test can notice, and why.

A change that nothing can observe because the code is not needed is no reason: that
code goes.
"""

from __future__ import annotations

KNOWN: dict[str, tuple[int, str]] = {}
"""By the function, as the report names it."""

"""The changes that no test can notice, each with the reason.

By module, function and change, as the report writes them. A change that nothing
can observe because the code is not needed is no reason: that code goes.
"""

from __future__ import annotations

KNOWN: dict[str, str] = {}

"""``exposed``, behind the middleware of ``docs/recipes.md``."""

from __future__ import annotations

from typing import Any

from lab.servers.hosts import exposed
from tests.docs.markdown import Document

_recipe: dict[str, Any] = {}
for _block in Document("docs/recipes.md").blocks:
    if _block.name == "empty_context.py":
        exec(_block.text, _recipe)  # noqa: S102

EmptyContext = _recipe["EmptyContext"]

app = EmptyContext(exposed.app)

"""The map of the modules has all of them, and what it names exists."""

from __future__ import annotations

import re
from importlib import import_module

from tests.docs.markdown import ROOT, Document

DESIGN = Document("docs/design.md")
CLASSES = {
    "Patch": "patch",
    "Place": "place",
    "VariablePatch": "variable",
}
"""The modules of the classes that the map names without them."""


def test_every_module_is_on_the_map() -> None:
    """Whoever opens one finds out what it is for."""
    package = ROOT / "ididi_scopefix"
    modules = {path.stem for path in package.glob("*.py")} - {"__main__"}

    named = set(re.findall(r"\w+", DESIGN.text))

    assert modules | {"bootstrap"} <= named


def test_every_decision_is_where_the_map_says() -> None:
    """Each function and method of the table."""
    for _, cell in DESIGN.table("question")[1:]:
        for name in re.findall(r"`([^`]+)`", cell):
            owner, attribute = name.split(".")
            module = import_module(
                "ididi_scopefix"
                if owner == "__init__"
                else f"ididi_scopefix.{CLASSES.get(owner, owner)}"
            )
            found = getattr(module, owner) if owner in CLASSES else module
            assert hasattr(found, attribute), name

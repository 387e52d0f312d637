"""Annotations of the package can be evaluated while a program runs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing

import pytest

import ididi_scopefix

MODULES = [
    each.name
    for each in pkgutil.walk_packages(ididi_scopefix.__path__, "ididi_scopefix.")
    # It is the command itself, and runs when it is imported.
    if not each.name.endswith("__main__")
]


@pytest.mark.parametrize("name", ["ididi_scopefix", *MODULES])
def test_every_annotation_can_be_evaluated(name: str) -> None:
    """Libraries such as beartype and typeguard do it while a program runs."""
    module = importlib.import_module(name)
    typing.get_type_hints(module)
    for each in vars(module).values():
        if getattr(each, "__module__", None) == name:
            members = vars(each).values() if inspect.isclass(each) else ()
            for annotated in (each, *members):
                if inspect.isclass(annotated) or inspect.isfunction(annotated):
                    typing.get_type_hints(annotated)

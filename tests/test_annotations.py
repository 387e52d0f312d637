"""Annotations of the package can be evaluated while a program runs."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from typing import TYPE_CHECKING

import pytest
import wrapt

import ididi_scopefix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType


def modules() -> Iterator[str]:
    """Return the names of all modules of the package."""
    yield "ididi_scopefix"
    for each in pkgutil.walk_packages(ididi_scopefix.__path__, "ididi_scopefix."):
        # It is the command itself, and runs when it is imported.
        if not each.name.endswith("__main__"):
            yield each.name


def annotated(module: ModuleType) -> Iterator[object]:
    """Return *module*, and all functions, classes and methods of it."""
    yield module
    for each in vars(module).values():
        if getattr(each, "__module__", None) not in (module.__name__, "ididi_scopefix"):
            continue
        if inspect.isfunction(each):
            yield each
        if inspect.isclass(each):
            # From Python 3.14 on, wrapt's own class can't be asked for annotations.
            if not issubclass(each, wrapt.ObjectProxy):
                yield each
            for member in vars(each).values():
                found = getattr(member, "fget", getattr(member, "__func__", member))
                # Not what collections.namedtuple has made.
                if inspect.isfunction(found) and found.__module__ == module.__name__:
                    yield inspect.unwrap(found)


@pytest.mark.parametrize("name", list(modules()))
def test_every_annotation_can_be_evaluated(name: str) -> None:
    """Libraries such as beartype and typeguard do it while a program runs."""
    for each in annotated(importlib.import_module(name)):
        typing.get_type_hints(each)

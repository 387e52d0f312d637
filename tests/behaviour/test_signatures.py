"""Whoever reads a signature reads the same as in plain ididi, by any way."""

from __future__ import annotations

import functools
import inspect
import typing
from typing import Any, Callable
from unittest import mock

import ididi.graph
import pytest
from ididi import Graph
from ididi.graph import AsyncScope, Resolver, SyncScope

import ididi_scopefix
from tests import shape
from tests.wrappers import by_functools, by_wrapt, plain

pytestmark = pytest.mark.unchanged

METHODS = ("__init__", "scope", "ascope", "use_scope")

WAYS: tuple[Callable[[Any], Any], ...] = (
    inspect.signature,
    lambda method: inspect.signature(method, follow_wrapped=False),
    inspect.getfullargspec,
    typing.get_type_hints,
    lambda method: inspect.signature(mock.create_autospec(method)),
    inspect.unwrap,
    inspect.isfunction,
    inspect.isgeneratorfunction,
    inspect.isasyncgenfunction,
    inspect.iscoroutinefunction,
    inspect.getdoc,
    *(
        lambda method, name=name: getattr(method, name)
        for name in (
            "__annotations__",
            "__defaults__",
            "__doc__",
            "__kwdefaults__",
            "__module__",
            "__name__",
            "__qualname__",
            "__text_signature__",
        )
    ),
)


def answers(question: Callable[[Any], Any]) -> dict[tuple[str, str], object]:
    """Return what *question* answers for each method, or which error it raises."""
    found: dict[tuple[str, str], object] = {}
    for owner in (Graph, Resolver, SyncScope, AsyncScope):
        for name in METHODS:
            try:
                found[owner.__name__, name] = question(getattr(owner, name))
            except Exception as error:
                found[owner.__name__, name] = type(error)
    return found


@pytest.mark.parametrize("question", WAYS)
def test_each_method_answers_as_in_plain_ididi(question: Callable[[Any], Any]) -> None:
    """Of graphs and of scopes, and in the same class."""
    found = answers(question)
    ididi_scopefix.deactivate()
    assert found == answers(question)


def test_the_classes_have_the_signatures_of_plain_ididi() -> None:
    """ididi itself reads them to resolve what is asked for, and so do others."""

    def signature(cls: type) -> object:
        try:
            return inspect.signature(cls)
        except ValueError:
            return None

    def signatures() -> list[object]:
        classes = (Graph, SyncScope, AsyncScope, mock.create_autospec(Graph))
        return [signature(each) for each in classes]

    found = signatures()
    ididi_scopefix.deactivate()
    assert found == signatures()


def test_the_generator_function_of_a_scope_is_what_contextlib_has_wrapped() -> None:
    """Tools that measure or type a method look at what it wraps."""
    names = ("scope", "ascope")
    found = [getattr(getattr(Resolver, name), "__wrapped__", None) for name in names]
    ididi_scopefix.deactivate()
    plain = [getattr(getattr(Resolver, name), "__wrapped__", None) for name in names]
    assert all(one is other for one, other in zip(found, plain))


def test_each_method_is_where_it_was() -> None:
    """In the class that ididi has it in, and nowhere else."""

    def places() -> list[list[str]]:
        classes = (ididi.graph.Resolver, Graph, SyncScope, AsyncScope)
        return [[name for name in METHODS if name in vars(each)] for each in classes]

    found = places()
    ididi_scopefix.deactivate()
    assert found == places()


def by_any_arguments(method: Any, _: Any) -> Any:
    return functools.wraps(method)(lambda *args, **kwargs: method(*args, **kwargs))


def by_more_arguments(method: Any, _: Any) -> Any:
    @functools.wraps(method)
    def call(self: Any, *args: Any, extra: Any = 1, **kwargs: Any) -> Any:
        return method(self, *args, **kwargs)

    return call


def by_partial(method: Any, _: Any) -> Any:
    return functools.partial(method)


@pytest.mark.skipif(
    not shape.has_mutable_classes(), reason="its methods can't be replaced"
)
@pytest.mark.parametrize(
    "wrap",
    [by_any_arguments, by_more_arguments, by_functools, plain, by_wrapt, by_partial],
)
def test_each_method_that_another_library_has_wrapped_answers_as_it_did(
    wrap: Callable[[Any, Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its wrapper shows ididi's parameters, or its own, or both, by the way one asks."""
    ididi_scopefix.deactivate()
    for owner, name in (
        (Graph, "__init__"),
        *((Resolver, each) for each in METHODS[1:]),
    ):
        monkeypatch.setattr(owner, name, wrap(vars(owner)[name], id))
    # getdoc() compares identities to find inherited text, and wrapt binds anew.
    ways = [question for question in WAYS if question is not inspect.getdoc]
    before = [answers(question) for question in ways]
    assert ididi_scopefix.activate().state != "failed"
    assert [answers(question) for question in ways] == before
    ididi_scopefix.deactivate()

"""What a status says of an active shim, to the letter."""

from __future__ import annotations

import pkgutil

import pytest

import ididi_scopefix
from ididi_scopefix import Status


@pytest.mark.unchanged
@pytest.mark.parametrize(
    ("status", "text"),
    [
        (
            Status("active", "2", "good.", ("a.b", "c"), 7),
            "ididi-scopefix active (ididi 2): good. Patched: a.b, c. Contexts seeded: 7.",
        ),
        (
            Status("waiting", None, "no ididi."),
            "ididi-scopefix waiting (ididi none): no ididi.",
        ),
    ],
)
def test_a_status_is_one_sentence_after_the_other(status: Status, text: str) -> None:
    """What is empty is left out."""
    assert str(status) == text


@pytest.mark.shim
def test_what_is_patched_is_named_as_one_would_import_it() -> None:
    """Each name leads to the replaced attribute."""
    names = ididi_scopefix.status().patched
    patched = [pkgutil.resolve_name(name) for name in names]
    ididi_scopefix.deactivate()
    plain = [pkgutil.resolve_name(name) for name in names]

    assert names
    assert all(one is not other for one, other in zip(patched, plain))

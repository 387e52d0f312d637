"""Version strings, sensible and not, against packaging's own answer."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from ididi_scopefix import releases

pytestmark = pytest.mark.unchanged

numbers = st.integers(0, 20)
separators = st.sampled_from(["", ".", "-", "_"])


@st.composite
def versions(draw: st.DrawFn) -> str:
    """Everything that PEP 440 allows, in whichever spelling."""
    text = draw(st.sampled_from(["", "v", " "]))
    if draw(st.integers(0, 9)) == 0:
        text += f"{draw(numbers)}!"
    release = draw(
        st.lists(numbers, min_size=1, max_size=4)
        | st.tuples(st.just(1), st.integers(3, 9), st.integers(0, 9))
    )
    text += ".".join(map(str, release))
    if draw(st.booleans()):
        name = draw(st.sampled_from(["a", "b", "rc", "alpha", "beta", "c", "pre"]))
        text += draw(separators) + name + draw(separators) + str(draw(numbers))
    if draw(st.booleans()):
        name = draw(st.sampled_from(["post", "rev", "r"]))
        text += draw(separators) + name + draw(separators) + str(draw(numbers))
    if draw(st.booleans()):
        text += f"{draw(separators)}dev{draw(numbers)}"
    if draw(st.booleans()):
        text += f"+{draw(st.from_regex('[a-z0-9]+([.][a-z0-9]+)?', fullmatch=True))}"
    return text


@settings(deadline=None, derandomize=True, database=None, max_examples=150)
@given(versions())
@example("1.4.4")
@example("1.4.4rc1")
@example("1.4.4.dev1")
@example("1.4.4.post1")
@example("1.4.4+local")
@example("1.4.3.post99")
def test_a_version_is_affected_if_packaging_says_so(version: str) -> None:
    """Pre-, post-, dev- and local versions, as PEP 440 orders them."""
    inside = SpecifierSet(">=1.4.4").contains(Version(version), prereleases=True)
    assert releases.is_affected(version) is inside
    assert releases.is_affected(version) is (Version(version) >= Version("1.4.4"))


@settings(deadline=None, derandomize=True, database=None, max_examples=150)
@given(versions())
@example("1.8.2")
@example("v1.8.2.0")
@example("1.8.2.post1")
def test_a_version_is_verified_if_it_equals_a_verified_release(version: str) -> None:
    """Whichever way it is spelled; a release after that one is another."""
    equal = any(Version(version) == Version(each) for each in releases.VERIFIED)
    assert releases.is_verified(version) is equal


@settings(deadline=None, derandomize=True, database=None, max_examples=150)
@given(versions().filter(lambda version: not releases.is_affected(version)))
def test_every_version_that_is_not_affected_is_told_why(version: str) -> None:
    """In a sentence that names it."""
    advice = releases.advice(version)
    assert version in advice
    assert advice.endswith(".")


@settings(deadline=None, derandomize=True, database=None, max_examples=150)
@given(st.text())
@example("")
@example("unknown")
@example("1.8.2; rm -rf")
@example("1.8.*")
@example(">=1.8")
def test_what_is_no_version_is_refused_exactly_if_packaging_refuses_it(
    text: str,
) -> None:
    """And never with another error."""
    try:
        Version(text)
    except InvalidVersion:
        for function in (releases.is_affected, releases.is_verified, releases.advice):
            with pytest.raises(InvalidVersion):
                function(text)
    else:
        assert releases.is_affected(text) in (True, False)

"""The one table says which versions are affected, and which are verified."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from ididi_scopefix import _releases as table

pytestmark = pytest.mark.unchanged

drawn = settings(deadline=None, derandomize=True, database=None, max_examples=150)
numbers = st.integers(0, 20)
separators = st.sampled_from(["", ".", "-", "_"])


def is_affected(version: str) -> bool:
    """Tell whether the table has nothing against patching a release."""
    return table.reason_to_leave_alone(version) is None


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


@drawn
@given(versions())
def test_a_version_is_affected_if_packaging_says_so(version: str) -> None:
    """PEP 440 orders pre-, post-, dev- and local versions."""
    inside = SpecifierSet(">=1.4.4").contains(Version(version), prereleases=True)
    assert is_affected(version) is inside
    assert is_affected(version) is (Version(version) >= Version("1.4.4"))


@drawn
@given(versions())
@example("1.8.2")
@example("v1.8.2.0")
@example("1.8.2.post1")
def test_a_version_is_verified_if_it_equals_one_in_the_table(version: str) -> None:
    """Its spelling does not count; a release after that one is another."""
    equal = any(Version(version) == Version(each) for each in table.VERIFIED)
    assert table.is_verified(version) is equal


@drawn
@given(versions().filter(lambda version: not is_affected(version)))
def test_every_version_that_is_not_affected_is_told_why(version: str) -> None:
    """The reason is a sentence that names the version."""
    advice = table.reason_to_leave_alone(version)
    assert advice is not None
    assert version in advice
    assert advice.endswith(".")


@drawn
@given(st.text())
@example("")
@example("unreadable")
@example("1.8.2; rm -rf")
@example("1.8.*")
@example(">=1.8")
def test_what_packaging_refuses_as_a_version_is_refused(
    text: str,
) -> None:
    """No other error is ever raised."""
    try:
        Version(text)
    except InvalidVersion:
        for function in (table.is_verified, table.reason_to_leave_alone):
            with pytest.raises(table.UnknownReleaseError, match="reinstall ididi"):
                function(text)
    else:
        assert is_affected(text) in (True, False)


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("1.4.2rc1", "by design"),
        ("1.4.3.dev1", "1.4.4"),
        ("1.4.3rc2", "1.4.4"),
        ("1.4.4rc1", table.AFFECTED),
    ],
)
def test_a_pre_release_is_told_what_its_release_is_told(
    version: str, words: str
) -> None:
    """That of the first affected release belongs to none, and is told the range."""
    assert words in str(table.reason_to_leave_alone(version))


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.4.2", False),
        ("1.4.3", False),
        ("1.4.3.post1", False),
        ("1.4.3.post99", False),
        ("1.4.4.dev1", False),
        ("1.4.4rc1", False),
        ("1.4.4", True),
        ("1.4.4.post1", True),
        ("1.4.4+local.1", True),
        ("1.5.0a1", True),
        ("1.8.4", True),
        ("1.9.0.dev3", True),
        ("2!0.1", True),
        ("v1.8.2", True),
    ],
)
def test_affected_is_decided_as_pep_440_orders(version: str, expected: bool) -> None:
    """These are one of each kind: pre-, post-, dev- and local versions, epochs."""
    assert is_affected(version) is expected


def test_the_table_is_in_order_and_whole() -> None:
    """Every verified release is affected."""
    versions = [Version(version) for version in table.VERIFIED]

    assert versions == sorted(set(versions))
    assert len(versions) == 26
    for version in table.VERIFIED:
        assert is_affected(version)
        assert table.is_verified(version)
    assert not table.is_verified("1.8.4+local")
    assert not table.is_verified("9.9")

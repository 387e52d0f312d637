"""The one table says which versions are affected, and which are verified."""

from __future__ import annotations

import pytest
from packaging.version import Version

from ididi_scopefix import _releases as table

pytestmark = pytest.mark.unchanged


@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("1.4.2rc1", "by design"),
        ("1.4.2", "by design"),
        ("1.4.3.dev1", "upgrade to 1.4.4"),
        ("1.4.3", "upgrade to 1.4.4"),
        ("1.4.3.post99", "upgrade to 1.4.4"),
        # It is no 1.4.3, and comes before 1.4.4.
        ("1.4.4rc1", "not in the range >=1.4.4"),
    ],
)
def test_an_unaffected_version_is_told_why(version: str, words: str) -> None:
    """The reason is a sentence that names the version."""
    reason = table.reason_to_leave_alone(version)
    assert reason is not None
    assert reason.startswith(f"ididi {version} is left alone: ")
    assert words in reason
    assert reason.endswith(".")


@pytest.mark.parametrize(
    ("version", "is_verified"),
    [
        ("1.4.4", True),
        ("v1.8.2.0", True),  # another spelling of 1.8.2
        ("1.4.4.post1", False),
        ("1.4.4+local.1", False),
        ("1.5.0a1", False),
        ("1.9.0.dev3", False),
        ("2!0.1", False),
    ],
)
def test_an_affected_version_is_verified_or_not(
    version: str, is_verified: bool
) -> None:
    """PEP 440 orders pre-, post-, dev- and local versions, and compares spellings."""
    assert table.reason_to_leave_alone(version) is None
    assert table.is_verified(version) is is_verified


@pytest.mark.parametrize("text", ["", "unreadable", "1.8.2-final-final", "1.8.*"])
def test_what_pep_440_refuses_as_a_version_is_refused(text: str) -> None:
    """The one error says what to do."""
    for function in (table.is_verified, table.reason_to_leave_alone):
        with pytest.raises(table.UnknownReleaseError, match="reinstall ididi"):
            function(text)


def test_the_verified_releases_are_in_order_and_affected() -> None:
    """The newest is the last one, which the advice to pin a release names."""
    versions = [Version(version) for version in table.VERIFIED]

    assert versions == sorted(set(versions))
    for version in table.VERIFIED:
        assert table.reason_to_leave_alone(version) is None
        assert table.is_verified(version)

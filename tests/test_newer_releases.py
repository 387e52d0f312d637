"""Releases that nobody has seen yet, and metadata that nobody has checked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import children, shape
from tests.other_releases import FIXED, invent

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    not shape.has_mutable_classes(), reason="the source can't be edited"
)

STATE = """
import ididi, ididi_scopefix
status = ididi_scopefix.status()
print(status.state, status.ididi_version)
print(status.reason)
"""


def test_a_newer_release_can_be_switched_off_and_on(tmp_path: Path) -> None:
    """What was decided when the package had run, is decided for good."""
    invent("9.0.0", tmp_path)
    finished = children.run(
        """
        from contextvars import Context
        import ididi, ididi_scopefix

        graph = ididi.Graph()
        for _ in range(2):
            print(ididi_scopefix.status().state)
            Context().run(graph.use_scope)
            ididi_scopefix.deactivate()
            try:
                Context().run(graph.use_scope)
            except LookupError:
                print("fails")
            ididi_scopefix.activate()
        """,
        path=tmp_path,
    )

    assert finished.stdout == "active\nfails\n" * 2


def test_a_newer_release_that_others_have_wrapped_can_be_switched_on_again(
    tmp_path: Path,
) -> None:
    """It was probed before, and the probe would call what they have put there."""
    invent("9.0.0", tmp_path)
    finished = children.run(
        """
        from contextvars import Context
        import ididi.graph, ididi_scopefix

        method, calls = ididi.graph.Resolver.use_scope, []

        def counted(self, *args, **kwargs):
            calls.append(args)
            return method(self, *args, **kwargs)

        ididi.graph.Resolver.use_scope = counted
        ididi_scopefix.deactivate()
        print(ididi_scopefix.activate().state, len(calls))
        graph = Context().run(ididi.Graph)
        Context().run(graph.use_scope)
        print(len(calls))
        """,
        path=tmp_path,
    )

    assert finished.stdout == "active 0\n1\n"
    assert finished.stderr == ""


def test_a_newer_release_that_raises_its_own_error_is_left_alone(
    tmp_path: Path,
) -> None:
    """That is an answer, too."""
    raising = "_SCOPE_CONTEXT.get(None) or self._missing()\n"
    edits = (
        ("previous_scope = _SCOPE_CONTEXT.get()\n", f"previous_scope = {raising}"),
        ("scope = _SCOPE_CONTEXT.get()\n", f"scope = {raising}"),
        (
            "    # =================  Public =================\n",
            "    def _missing(self):\n        raise OutOfScopeError('no scope')\n\n",
        ),
    )
    invent("9.0.0", tmp_path, *edits)

    assert children.run(STATE, path=tmp_path).stdout.startswith("inactive 9.0.0\n")


def test_a_newer_release_that_works_may_have_other_internals(tmp_path: Path) -> None:
    """Where nothing is patched, nothing has to be known."""
    invent("9.0.0", tmp_path, *FIXED, ("_type_registry", "_registry"))

    assert children.run(STATE, path=tmp_path).stdout.startswith("inactive 9.0.0\n")


def test_a_newer_release_whose_calls_wait_is_not_understood(tmp_path: Path) -> None:
    """The reason says what happened."""
    line = "        ascope = self._create_ascope(name, previous_scope)\n"
    invent("9.0.0", tmp_path, *FIXED, (line, f"{WAIT}{line}"))
    finished = children.run(STATE, path=tmp_path)

    assert finished.stdout.startswith("failed 9.0.0\n")
    assert "waited" in finished.stdout


def test_a_call_that_waits_is_ended_in_the_context_that_it_was_made_in(
    tmp_path: Path,
) -> None:
    """Where a loop runs, the scope is open by then, and resets the variable."""
    line = "        token = _SCOPE_CONTEXT.set(ascope)\n"
    within = ("            yield ascope\n", f"    {AWAIT}            yield ascope\n")
    invent("9.0.0", tmp_path, *FIXED, (line, f"{line}{DEFINE}"), within)
    finished = children.run(
        f"""
        import asyncio

        async def main():
            exec({STATE!r}, {{}})

        asyncio.run(main())
        """,
        path=tmp_path,
    )

    assert finished.stdout.startswith("failed 9.0.0\n")
    assert len(finished.stderr.splitlines()) == 1, finished.stderr


AWAIT = "        await wait()\n"
DEFINE = """\
        from types import coroutine
        @coroutine
        def wait():
            yield
"""
WAIT = DEFINE + AWAIT


@pytest.mark.parametrize("name", ["use_scope", "scope", "ascope"])
def test_a_newer_release_that_another_library_has_wrapped_is_not_probed(
    tmp_path: Path, name: str
) -> None:
    """It would count the calls of the probe as the program's."""
    invent("9.0.0", tmp_path)
    wrapping = f"""
import wrapt

def count(wrapped, instance, args, kwargs):
    print("called")
    return wrapped(*args, **kwargs)

def wrap(module):
    wrapt.wrap_function_wrapper(module, "Resolver.{name}", count)

wrapt.register_post_import_hook(wrap, "ididi.graph")
"""
    finished = children.run(wrapping + STATE, path=tmp_path)

    first, reason = finished.stdout.splitlines()
    assert first == "failed 9.0.0"
    assert f"another library has wrapped {name}()" in reason


def test_activating_in_the_middle_of_the_import_waits_for_its_end(
    tmp_path: Path,
) -> None:
    """Without a word, and active when ididi is there."""
    line = "ScopeToken = Token[AnyScope]\n"
    activate = "import ididi_scopefix\nprint(ididi_scopefix.activate().state)\n"
    invent("1.8.2", tmp_path, (line, line + activate))
    finished = children.run(STATE, path=tmp_path)

    assert finished.stdout.splitlines()[:2] == ["waiting", "active 1.8.2"]
    assert finished.stderr == ""


def test_metadata_that_can_not_be_decoded_are_no_metadata(tmp_path: Path) -> None:
    """ididi itself says its version then."""
    invent("7.7.7", tmp_path, own="1.8.2")
    (metadata,) = tmp_path.glob("*.dist-info/METADATA")
    metadata.write_bytes(b"Author: J\xfcrgen\n" + metadata.read_bytes())

    assert children.run(STATE, path=tmp_path).stdout.startswith("active 1.8.2\n")


def test_the_version_is_read_without_parsing_the_metadata(tmp_path: Path) -> None:
    """That would take longer than all the rest."""
    invent("1.8.2", tmp_path)
    parsing = "import email\nemail.message_from_string = None\n"

    finished = children.run(parsing + STATE, path=tmp_path)
    assert finished.stdout.startswith("active 1.8.2\n")

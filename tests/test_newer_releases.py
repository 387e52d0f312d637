"""Releases that nobody has seen yet: a probe decides whether they are patched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import children, shape
from tests.other_releases import FIXED, TELL, invent, tell

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

IN_AN_EVENT_LOOP = f"""
import asyncio

async def main():
    exec({TELL!r}, {{}})

asyncio.run(main())
"""

READS = "        scope = _SCOPE_CONTEXT.get()\n"
OPENS = (
    '    async def ascope(self, name: Hashable = ""):\n'
    "        previous_scope = _SCOPE_CONTEXT.get()\n"
)


@pytest.mark.parametrize("version", ["1.8.5", "2.0", "1.9.0rc1", "1.8.4.post1"])
def test_a_newer_release_that_still_raises_is_patched(
    tmp_path: Path, version: str
) -> None:
    """The probe finds out."""
    told = tell(invent(version, tmp_path, own=version))

    assert told["state"] == "active"
    assert told["version"] == version
    assert told["raises"] is False
    assert told["warnings"] == []


@pytest.mark.parametrize("version", ["1.8.5", "2.0", "1.9.0rc1", "1.8.4.post1"])
def test_a_newer_release_that_answers_is_left_alone(
    tmp_path: Path, version: str
) -> None:
    """The probe finds out."""
    told = tell(invent(version, tmp_path, *FIXED, own=version))

    assert told["state"] == "inactive"
    assert told["version"] == version
    assert "by itself" in str(told["reason"])
    assert told["patched"] == told["warnings"] == []
    assert told["raises"] is False


def test_seeding_where_nothing_is_to_be_seeded_returns_the_default_scope(
    tmp_path: Path,
) -> None:
    """A program may go on calling it."""
    folder = invent("1.8.5", tmp_path, *FIXED, own="1.8.5")
    children.run(
        """
        from contextvars import Context
        import ididi_scopefix, ididi
        assert ididi_scopefix.status().state == "inactive"
        graph = Context().run(ididi.Graph)
        found = Context().run(ididi_scopefix.seed, graph)
        assert found is Context().run(graph.use_scope)
        """,
        path=folder,
    )


def test_a_newer_release_that_answers_with_another_scope_is_left_alone(
    tmp_path: Path,
) -> None:
    """Anything returned is an answer, whatever its name is."""
    edits = (
        (READS, "        scope = self._create_scope('odd')\n"),
        ("previous_scope = _SCOPE_CONTEXT.get()", "previous_scope = MISSING"),
    )
    told = tell(invent("1.9.0", tmp_path, *edits, own="1.9.0"))

    assert told["state"] == "inactive"
    assert "by itself" in str(told["reason"])
    assert told["raises"] is False
    assert told["patched"] == told["warnings"] == []


def test_a_newer_release_that_is_half_fixed_is_patched(tmp_path: Path) -> None:
    """As 1.8.4 is: use_scope still raises."""
    guard = (
        "previous_scope = _SCOPE_CONTEXT.get()",
        "previous_scope = _SCOPE_CONTEXT.get(MISSING)",
    )

    told = tell(invent("1.8.5", tmp_path, guard, own="1.8.5"))

    assert told["state"] == "active"
    assert told["raises"] is False


@pytest.mark.parametrize(
    ("call", "fixed", "state"),
    [
        (
            'def scope(self, name: Hashable = ""):\n        ',
            "previous_scope = ",
            "active",
        ),
        (
            'def ascope(self, name: Hashable = ""):\n        ',
            "previous_scope = ",
            "active",
        ),
        ("def merge", "other_scope = ", "failed"),
    ],
)
def test_a_newer_release_in_which_one_call_still_raises_is_not_left_alone(
    tmp_path: Path, call: str, fixed: str, state: str
) -> None:
    """A call that reads the variable in a method of its own can't be patched."""
    if call == "def merge":
        edit = ("other_scope = other.use_scope()", "other_scope = _SCOPE_CONTEXT.get()")
    else:
        edit = (f"{call}{fixed}self._current()", f"{call}{fixed}_SCOPE_CONTEXT.get()")
    folder = invent("1.9.0", tmp_path, *FIXED, edit, own="1.9.0")

    told = tell(folder)

    assert told["state"] == state
    assert ("LookupError" in str(told["reason"])) is (state == "failed")


def test_a_newer_release_with_other_parameters_is_patched(tmp_path: Path) -> None:
    """What the methods take is passed on as it comes."""
    edits = (
        (
            "        as_async: bool = False,\n    ) ->",
            "        as_async: bool = False,\n        strict: bool = True,\n    ) ->",
        ),
        (READS, f"        assert not strict or True\n{READS}"),
    )
    folder = invent("1.8.5", tmp_path, *edits, own="1.8.5")

    children.run(
        """
        from contextvars import Context
        import ididi_scopefix, ididi
        assert ididi_scopefix.status().state == "active"
        graph = ididi.Graph()
        found = Context().run(lambda: graph.use_scope(strict=False))
        assert found is graph.use_scope()
        """,
        path=folder,
    )


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        ((READS, f"        raise TypeError('other')\n{READS}"), "TypeError('other')"),
        (
            (
                OPENS,
                (
                    '    async def ascope(self, name: Hashable = ""):\n'
                    "        await __import__('asyncio').sleep(0)\n"
                    "        previous_scope = _SCOPE_CONTEXT.get(None)\n"
                ),
            ),
            "a scope call",
        ),
        (
            (
                OPENS,
                (
                    '    async def ascope(self, name: Hashable = ""):\n'
                    "        raise RuntimeError('closed')\n"
                    "        previous_scope = _SCOPE_CONTEXT.get(None)\n"
                ),
            ),
            "RuntimeError('closed')",
        ),
        (
            (READS, f"{READS}        scope = self._create_scope('odd')\n"),
            "use_scope() returned the scope 'odd'",
        ),
    ],
)
def test_a_release_that_does_something_else_is_left_as_it_was(
    tmp_path: Path, edit: tuple[str, str], reason: str
) -> None:
    """With the reason in the status, and no exception from the import."""
    guard = ("previous_scope = _SCOPE_CONTEXT.get()", "previous_scope = MISSING")
    edits = [edit] if edit[0] is OPENS else [edit, guard]
    folder = invent("1.9.0", tmp_path, *edits, own="1.9.0")

    told = tell(folder)

    assert told["state"] == "failed"
    assert reason in str(told["reason"])
    assert "ididi is as it was" in str(told["reason"])


def test_a_newer_release_may_raise_an_error_of_its_own(tmp_path: Path) -> None:
    """As the releases before this bug did, by design."""
    edits = (
        (READS, f"        raise OutOfScopeError()\n{READS}"),
        ("previous_scope = _SCOPE_CONTEXT.get()", "previous_scope = MISSING"),
    )

    told = tell(invent("1.9.0", tmp_path, *edits, own="1.9.0"))

    assert told["state"] == "inactive"
    assert told["raises"] == "OutOfScopeError"
    assert told["patched"] == told["warnings"] == []


NEEDS_PACKAGE = (READS, f"        import ididi; ididi.VERSION\n{READS}")
OPENS_ANY = "previous_scope = _SCOPE_CONTEXT.get()"


@pytest.mark.parametrize(
    "edits",
    [
        [NEEDS_PACKAGE, (OPENS_ANY, f"import ididi; ididi.VERSION; {OPENS_ANY}")],
        [NEEDS_PACKAGE],
    ],
    ids=["for each call", "for use_scope() only"],
)
def test_a_newer_release_may_need_its_whole_package_to_be_probed(
    tmp_path: Path, edits: list[tuple[str, str]]
) -> None:
    """It is decided about when the package has run, and off and on again."""
    folder = invent("1.9.0", tmp_path, *edits, own="1.9.0")

    assert tell(folder)["state"] == "active"
    children.run(
        """
        from contextvars import Context
        import ididi_scopefix, ididi
        graph = Context().run(ididi.Graph)
        for _ in range(2):
            assert ididi_scopefix.deactivate().state == "disabled"
            assert ididi_scopefix.activate().state == "active"
            Context().run(graph.use_scope)
        """,
        path=folder,
    )


def test_activating_before_the_package_has_run_decides_at_its_end(
    tmp_path: Path,
) -> None:
    """The code of ``ididi.graph`` has run by then, and can't be judged yet."""
    folder = invent("1.9.0", tmp_path, NEEDS_PACKAGE, own="1.9.0")
    children.run(
        """
        import ididi_scopefix, wrapt
        states = []

        def activate(module):
            states.append(ididi_scopefix.activate().state)

        wrapt.register_post_import_hook(activate, "ididi.api")
        import ididi
        states.append(ididi_scopefix.status().state)
        assert states == ["waiting", "active"], states
        """,
        path=folder,
    )


def test_activating_late_says_what_is_not_understood(tmp_path: Path) -> None:
    """As the import would have said it."""
    raising = (READS, f"        raise TypeError('other')\n{READS}")
    folder = invent("1.9.0", tmp_path, raising, own="1.9.0")
    children.run(
        """
        import ididi_scopefix
        ididi_scopefix.deactivate()
        import ididi
        status = ididi_scopefix.activate()
        assert status.state == "failed"
        assert "TypeError('other')" in status.reason
        """,
        path=folder,
    )


def test_a_release_is_probed_inside_a_running_event_loop(tmp_path: Path) -> None:
    """Where a program imports ididi late."""
    folder = invent("1.9.0", tmp_path, *FIXED, own="1.9.0")

    told = tell(folder, IN_AN_EVENT_LOOP)

    assert told["state"] == "inactive"
    assert str(told["reason"]).startswith("ididi 1.9.0 answers in every context")


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

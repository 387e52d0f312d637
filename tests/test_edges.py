"""What is asked at an odd moment, or of an odd release, has an answer too."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ididi_scopefix import releases as table
from ididi_scopefix.command import run
from tests import children, environments, releases

if TYPE_CHECKING:
    from pathlib import Path

    from tests.environments import Environment


def test_a_pre_release_of_the_first_affected_one_is_out_of_range() -> None:
    """It belongs to no family; the advice names the range."""
    assert table.AFFECTED in table.advice("1.4.4rc1")


def test_seeding_where_there_are_no_default_scopes_says_why(tmp_path: Path) -> None:
    """In ididi 1.4.2, whose scopes are of another kind."""
    folder = releases.download("1.4.2", tmp_path)

    children.run(
        """
        from contextvars import Context
        import ididi_scopefix
        from ididi import Graph
        try:
            Context().run(ididi_scopefix.seed, Graph())
        except RuntimeError as error:
            assert "no default scope" in str(error), error
            assert "by design" in str(error), error
        else:
            raise AssertionError("it has returned something")
        """,
        path=folder,
    )


def test_the_status_during_the_import_of_ididi_says_so() -> None:
    """Asked by another library's hook, on what ididi.graph itself imports."""
    told = children.run(
        """
        import ididi_scopefix, wrapt

        def ask(module):
            print(ididi_scopefix.status())

        wrapt.register_post_import_hook(ask, "ididi._ds")
        import ididi
        """
    )

    assert "waiting" in told.stdout
    assert "being imported" in told.stdout


def test_the_status_without_a_finder_says_how_to_get_it_back() -> None:
    """Some other library has put its own list of finders there."""
    children.run(
        """
        import sys
        import ididi_scopefix
        sys.meta_path = [
            finder for finder in sys.meta_path
            if type(finder).__module__ != "ididi_scopefix"
        ]
        status = ididi_scopefix.status()
        assert status.state == "disabled", status
        assert "activate()" in status.reason, status
        assert ididi_scopefix.activate().state == "waiting"
        """
    )


def test_a_program_is_waited_for_where_it_can_not_replace_the_command() -> None:
    """On Windows; its exit code is the command's."""
    program = [sys.executable, "-c", "raise SystemExit(3)"]

    assert run._wait_for(program, os.environ) == 3


def test_status_without_site_says_that_start_up_files_are_not_read(
    installed: Environment,
) -> None:
    """The package is on the path, and not active by itself."""
    told = environments.run(
        *(installed.python, "-S", "-m", "ididi_scopefix", "status"),
        PYTHONPATH=str(installed.packages),
    ).stdout

    assert "this interpreter runs without site (-S)" in told


def test_status_of_a_broken_ididi_names_the_error(
    installed: Environment, tmp_path: Path
) -> None:
    """In the lines for people, as in those for programs."""
    package = tmp_path / "ididi"
    package.mkdir()
    source = "import a_module_that_nobody_has\n"
    (package / "__init__.py").write_text(source, encoding="utf-8")

    told = environments.run(installed.command, "status", PYTHONPATH=str(tmp_path))

    assert "ididi can't be imported: ModuleNotFoundError" in told.stdout

"""No import hangs, whatever other threads import, log or configure meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "names",
    [
        ["ididi", "ididi.graph"],
        ["ididi.graph", "of_the_program", "ididi", "wrapt", "packaging.specifiers"],
        ["ididi_scopefix", "ididi", "logging.config", "asyncio", "ididi_scopefix._api"],
    ],
    ids=["package and module", "program", "shim"],
)
@pytest.mark.child
def test_twenty_threads_may_import_at_once(tmp_path: Path, names: list[str]) -> None:
    """Each finds ididi patched, and none waits for ever."""
    import importlib
    import sys
    from contextvars import Context

    from tests.imports.calls import check_patched
    from tests.races.threads import run_at_once

    (tmp_path / "of_the_program.py").write_text("from ididi.graph import Graph\n")
    sys.path.insert(0, str(tmp_path))

    def import_(name):
        try:
            importlib.import_module(name)
        except ImportError as error:
            # Python's own, with plain ididi too: the package and a module of it are
            # imported by two threads, each of which waits for the other.
            assert "partially initialized module" in str(error), error
        except RuntimeError as error:
            assert "deadlock detected by _ModuleLock" in str(error), error
        else:
            if name == "ididi":
                graph = Context().run(sys.modules["ididi"].Graph)
                Context().run(graph.use_scope)

    run_at_once(*(lambda name=name: import_(name) for name in (names * 20)[:20]))
    check_patched()


@pytest.mark.parametrize("first", ["ididi", "ididi.graph"])
@pytest.mark.parametrize("second", ["ididi", "ididi.graph", "of_nobody", "wave"])
@pytest.mark.child
def test_a_thread_may_import_while_another_imports_ididi(
    first: str, second: str
) -> None:
    """The second begins while the first runs the code of a module of ididi."""
    import importlib
    from functools import partial

    from tests.imports.calls import check_patched
    from tests.races.threads import run_while_ididi_is_imported

    def import_second():
        try:
            importlib.import_module(second)
        except ModuleNotFoundError as error:
            assert error.name == second == "of_nobody"

    run_while_ididi_is_imported(import_second, partial(__import__, first))
    check_patched()


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.child
def test_activating_waits_for_a_thread_that_imports_ididi(fails: bool) -> None:
    """That thread began before there was a finder; the import may fail or not."""
    import ididi_scopefix
    from tests.races.threads import run_while_ididi_is_imported

    def import_ididi():
        try:
            __import__("ididi")
        except ImportError as error:
            assert str(error) == "it fails"

    def activate():
        states.append(ididi_scopefix.activate().state)

    states = []
    ididi_scopefix.deactivate()
    run_while_ididi_is_imported(activate, import_ididi, fails)
    assert states == ["waiting" if fails else "active"]


@pytest.mark.parametrize("work", ["record", "configuration", "warning"])
@pytest.mark.child(err=None)
def test_logging_may_import_ididi_in_another_thread(tmp_path: Path, work: str) -> None:
    """It holds a lock of its own; the warning is the shim's, about its failure."""
    import logging.config
    import sys
    import threading
    from functools import partial

    import ididi_scopefix
    from tests.races.threads import run_while_ididi_is_imported

    class Importing(logging.Handler):
        def emit(self, record):
            import of_the_program  # noqa: F401

    (tmp_path / "of_the_program.py").write_text(
        "import logging\nfrom ididi import Graph\n"
        "class Handler(logging.Handler):\n    def emit(self, record): Graph()\n"
    )
    sys.path.insert(0, str(tmp_path))
    call = int
    if work == "configuration":
        handlers = {"own": {"class": "of_the_program.Handler"}}
        root = {"level": "INFO", "handlers": ["own"]}
        configuration = {"version": 1, "handlers": handlers, "root": root}
        call = partial(logging.config.dictConfig, configuration)
    else:
        logging.basicConfig(level=logging.DEBUG, handlers=[Importing()])
    if work == "record":
        call = partial(logging.error, "x")
    if work == "warning":
        (tmp_path / "wrapt.py").write_text("raise SystemExit")
    run_while_ididi_is_imported(call, partial(__import__, "ididi"))
    for thread in threading.enumerate():
        if thread.name == "ididi-scopefix":
            thread.join(30)
    assert "of_the_program" in sys.modules
    expected = "failed" if work == "warning" else "active"
    assert ididi_scopefix.status().state == expected

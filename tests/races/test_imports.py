"""No import hangs, whatever other threads import, log or configure meanwhile."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "names",
    [
        ["ididi"],
        ["ididi", "ididi.graph"],
        ["ididi.graph", "of_the_program", "ididi", "wrapt", "packaging.specifiers"],
        ["ididi_scopefix", "ididi", "logging.config", "asyncio", "ididi_scopefix._api"],
    ],
    ids=["one", "package and module", "program", "shim"],
)
@pytest.mark.parametrize("turn", range(2))
@pytest.mark.child
def test_twenty_threads_may_import_at_once(
    tmp_path: Path, names: list[str], turn: int
) -> None:
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

    each = (names * 20)[turn : turn + 20]
    run_at_once(*(lambda name=name: import_(name) for name in each))
    check_patched()


@pytest.mark.parametrize("first", ["ididi", "ididi.graph"])
@pytest.mark.parametrize("second", ["ididi", "ididi.graph", "of_nobody", "wave"])
@pytest.mark.child
def test_a_thread_may_import_while_another_imports_ididi(
    first: str, second: str
) -> None:
    """The second begins while the first runs the code of a module of ididi."""
    import importlib
    import threading

    from tests.imports.calls import check_patched
    from tests.races.threads import Pause, start_until_it_waits

    def import_second():
        try:
            importlib.import_module(second)
        except ModuleNotFoundError as error:
            assert error.name == second == "of_nobody"

    other = threading.Thread(target=import_second, daemon=True)
    Pause("ididi._ds", lambda: start_until_it_waits(other))
    importing = threading.Thread(target=__import__, args=(first,), daemon=True)
    importing.start()
    importing.join(30)
    assert not importing.is_alive(), "it hangs"
    other.join(30)
    assert not other.is_alive(), "it hangs"
    check_patched()


@pytest.mark.parametrize("ends", ["well", "with an error"])
@pytest.mark.child
def test_activating_waits_for_a_thread_that_imports_ididi(ends: str) -> None:
    """That thread began before there was a finder; the import may fail or not."""
    import threading

    import ididi_scopefix
    from tests.races.threads import Pause, start_until_it_waits

    def pause():
        if activating.ident is None:
            start_until_it_waits(activating)
        if ends != "well":
            raise ImportError("it failed")

    def import_ididi():
        try:
            __import__("ididi")
        except ImportError as error:
            assert str(error) == "it failed"

    states = []
    activating = threading.Thread(
        target=lambda: states.append(ididi_scopefix.activate().state), daemon=True
    )
    ididi_scopefix.deactivate()
    Pause("ididi._ds", pause)
    importing = threading.Thread(target=import_ididi, daemon=True)
    importing.start()
    importing.join(30)
    activating.join(30)
    assert states == ["active" if ends == "well" else "waiting"]


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.child(err=None)
def test_a_log_handler_may_import_ididi_itself(tmp_path: Path, broken: bool) -> None:
    """Its first record is the program's, or the shim's own about a failure."""
    import logging
    import sys
    import threading

    import ididi_scopefix
    from tests.races.threads import Pause, start_until_it_waits

    class Importing(logging.Handler):
        def emit(self, record):
            from ididi import Graph

            sinks.append(Graph)

    if broken:
        (tmp_path / "wrapt.py").write_text("raise SystemExit")
        sys.path.insert(0, str(tmp_path))
    sinks = []
    logging.basicConfig(level=logging.DEBUG, handlers=[Importing()])
    # It holds the handler's lock while it waits for the import.
    other = threading.Thread(target=logging.error, args=("x",), daemon=True)
    if not broken:
        Pause("ididi._ds", lambda: start_until_it_waits(other))
    importing = threading.Thread(target=__import__, args=("ididi",), daemon=True)
    importing.start()
    importing.join(30)
    assert not importing.is_alive(), "it hangs"
    for thread in threading.enumerate():
        if thread is other or thread.name == "ididi-scopefix":
            thread.join(30)
    assert sinks
    assert ididi_scopefix.status().state == ("failed" if broken else "active")


@pytest.mark.child
def test_a_log_configuration_may_import_ididi(tmp_path: Path) -> None:
    """The class of a handler is in a module that imports it, in another thread."""
    import logging.config
    import sys
    import threading

    from tests.imports.calls import check_patched
    from tests.races.threads import Pause, start_until_it_waits

    (tmp_path / "handlers.py").write_text(
        "import logging\nfrom ididi import Graph\n"
        "class Handler(logging.Handler):\n    def emit(self, record): Graph()\n"
    )
    sys.path.insert(0, str(tmp_path))
    handlers = {"own": {"class": "handlers.Handler"}}
    root = {"level": "INFO", "handlers": ["own"]}
    configuration = {"version": 1, "handlers": handlers, "root": root}
    # It holds the lock of all of logging while it waits for the import.
    other = threading.Thread(
        target=logging.config.dictConfig, args=(configuration,), daemon=True
    )
    Pause("ididi._ds", lambda: start_until_it_waits(other))
    importing = threading.Thread(target=__import__, args=("ididi",), daemon=True)
    importing.start()
    importing.join(30)
    assert not importing.is_alive(), "it hangs"
    other.join(30)
    check_patched()


@pytest.mark.child
def test_a_handler_that_uses_ididi_logs_no_error() -> None:
    """Its first record is about the first need, and its own call is answered."""
    import logging

    from tests.imports.calls import check_patched

    class Importing(logging.Handler):
        def emit(self, record):
            from ididi import Graph

            records.append(record.getMessage())
            with Graph().scope("log"):
                pass

    records = []
    logging.basicConfig(level=logging.INFO, handlers=[Importing()])
    check_patched()
    (record,) = records
    assert record.startswith("first need")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork()")
@pytest.mark.child(options=["-W", "ignore::DeprecationWarning"])
def test_a_child_may_be_forked_while_a_thread_imports() -> None:
    """The thread is not there to end its import; the child imports ididi."""
    import os
    import signal
    import threading

    from tests.imports.calls import check_patched
    from tests.races.threads import Pause

    def pause():
        reached.set()
        assert forked.wait(60)

    reached, forked = threading.Event(), threading.Event()
    Pause("colorsys", pause)
    importing = threading.Thread(target=__import__, args=("colorsys",), daemon=True)
    importing.start()
    assert reached.wait(60)
    child = os.fork()
    if not child:
        signal.alarm(30)
        check_patched()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    forked.set()
    importing.join()
    check_patched()

"""Nothing of the shim makes an import of ididi fail, and a failure is one line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

LINE = r"ididi-scopefix is not active: .*; ididi is as it was\.\n"


@pytest.mark.unchanged
@pytest.mark.parametrize("kind", ["namespace", "empty", "mock", "class", "sphinx"])
@pytest.mark.child
def test_a_stand_in_for_ididi_is_left_alone(kind: str) -> None:
    """Tests and documentation builders put one into sys.modules; no word is said."""
    import sys
    from types import ModuleType, SimpleNamespace
    from unittest import mock

    class Sphinx(ModuleType):
        __path__ = ()

        def __getattr__(self, name):
            return Sphinx(name)

    class WithGraph(ModuleType):
        Graph = type("Graph", (), {})

    kinds = {
        "namespace": SimpleNamespace(Graph=object),
        "empty": ModuleType("ididi"),
        "mock": mock.MagicMock(),
        "class": WithGraph("ididi"),
        "sphinx": Sphinx("ididi"),
    }
    stand_in = kinds[kind]
    names = dict(vars(stand_in))
    sys.modules["ididi"] = sys.modules["ididi.graph"] = stand_in
    import ididi_scopefix

    expected = {ididi_scopefix.status().state, ididi_scopefix.activate().state}
    expected |= {ididi_scopefix.status().state}
    assert expected <= {"waiting", "disabled"}, expected  # "disabled" by the switch
    assert sys.modules["ididi"] is sys.modules["ididi.graph"] is stand_in
    if kind != "mock":
        assert vars(stand_in) == names


@pytest.mark.unchanged
@pytest.mark.parametrize("graph", ["", "class Graph: ...", "def Graph(): ..."])
@pytest.mark.child
def test_another_package_of_the_name_is_left_alone(tmp_path: Path, graph: str) -> None:
    """A program may have a package ididi of its own; no word is said."""
    import sys

    import ididi_scopefix

    (tmp_path / "ididi").mkdir()
    (tmp_path / "ididi" / "__init__.py").write_text("import ididi.graph\n")
    (tmp_path / "ididi" / "graph.py").write_text(graph)
    sys.path.insert(0, str(tmp_path))
    import ididi.graph

    assert ididi.graph.__file__.startswith(str(tmp_path))
    assert ididi_scopefix.status().state in ("waiting", "disabled", "failed")
    assert ididi_scopefix.activate().patched == ()
    assert not hasattr(ididi.graph, "_SCOPE_CONTEXT")


@pytest.mark.parametrize("code", ["raise SystemExit(3)", "1 / 0"])
@pytest.mark.child
def test_a_packaging_of_the_program_is_not_imported(tmp_path: Path, code: str) -> None:
    """The versions in the table are told apart without it."""
    import sys

    (tmp_path / "packaging.py").write_text(code)
    sys.path.insert(0, str(tmp_path))
    from tests.imports.calls import check_patched

    check_patched()
    assert "packaging" not in sys.modules


@pytest.mark.parametrize(
    "code", ["raise SystemExit(3)", "raise RuntimeError('a\\nb')", "", "("]
)
@pytest.mark.child(err=re.compile(LINE).fullmatch)
def test_a_wrapt_of_the_program_costs_one_line(tmp_path: Path, code: str) -> None:
    """The program goes on, whatever that module does; the status knows the reason."""
    import sys

    import ididi_scopefix

    (tmp_path / "wrapt.py").write_text(code)
    sys.path.insert(0, str(tmp_path))
    from tests.imports.calls import raises

    assert raises()
    for _ in range(2):
        status = ididi_scopefix.status()
        assert status.state == "failed"
        assert "ididi is as it was" in status.reason
        assert "\n" not in status.reason
        ididi_scopefix.activate()
    sys.path.remove(str(tmp_path))
    sys.modules.pop("wrapt", None)
    assert ididi_scopefix.activate().state == "active"
    assert not raises()


@pytest.mark.child
def test_the_traceback_of_a_failure_is_logged_at_debug(tmp_path: Path) -> None:
    """One record at WARNING says what to do, one at DEBUG has the traceback."""
    import logging
    import sys

    records = []

    class Keep(logging.Handler):
        def emit(self, record):
            records.append((record.levelname, bool(record.exc_info)))

    logging.basicConfig(level=logging.DEBUG, handlers=[Keep()])
    (tmp_path / "wrapt.py").write_text("1 / 0")
    sys.path.insert(0, str(tmp_path))
    import ididi

    assert ididi
    # A thread logs it, and an import does not wait for that one for ever.
    import threading

    for thread in threading.enumerate():
        if thread.name == "ididi-scopefix":
            thread.join(30)
    assert records == [("WARNING", False), ("DEBUG", True)]


@pytest.mark.child
def test_metadata_that_can_not_be_read_are_done_without() -> None:
    """An audit hook denies them; then ididi's own version decides, or the probe."""
    import importlib.metadata
    import sys

    import ididi_scopefix
    from tests.imports.calls import check_patched

    def deny(event, arguments):
        if event == "open" and "METADATA" in str(arguments[0]):
            raise RuntimeError("denied")

    sys.addaudithook(deny)
    try:
        importlib.metadata.version("ididi")
    except RuntimeError:
        check_patched()
    import ididi

    version = getattr(ididi, "VERSION", None)
    assert ididi_scopefix.status().ididi_version == version

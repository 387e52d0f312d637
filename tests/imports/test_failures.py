"""Nothing of the shim makes an import of ididi fail, and a failure is one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.imports.calls import ONE_WARNING

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.unchanged
@pytest.mark.parametrize("kind", ["namespace", "mock", "module", "sphinx"])
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

    kinds = {
        "namespace": SimpleNamespace(),
        "mock": mock.MagicMock(),
        "module": ModuleType("ididi"),
        "sphinx": Sphinx("ididi"),
    }
    stand_in = kinds[kind]
    stand_in.Graph = type("Graph", (), {})
    names = dict(vars(stand_in))
    sys.modules["ididi"] = sys.modules["ididi.graph"] = stand_in
    import ididi_scopefix

    states = {ididi_scopefix.status().state, ididi_scopefix.activate().state}
    states |= {ididi_scopefix.status().state}
    assert states <= {"waiting", "disabled"}, states  # "disabled" by the switch
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
    "code",
    [
        *("raise SystemExit(3)", "raise RuntimeError('a\\nb')", "", "("),
        # It imports a file that has an exception of its own.
        "raise type('Odd', (Exception,), {'__module__': 'odd'})",
    ],
)
@pytest.mark.child(err=ONE_WARNING)
def test_a_wrapt_of_the_program_costs_one_line(tmp_path: Path, code: str) -> None:
    """The program goes on, whatever that module does; the status knows the reason."""
    import sys

    import ididi_scopefix

    (tmp_path / "wrapt.py").write_text(code)
    sys.path.insert(0, str(tmp_path))
    from tests.imports.calls import check_unpatched, raises

    assert raises()
    for _ in range(2):
        check_unpatched("failed", "ididi is as it was")
        assert ididi_scopefix.activate().ididi_version
    sys.path.remove(str(tmp_path))
    sys.modules.pop("wrapt", None)
    assert ididi_scopefix.activate().state == "active"
    assert not raises()

"""ididi is patched however it is imported, and as often."""

from __future__ import annotations

import pytest

from tests import children
from tests.pythons import IS_FREE_THREADED, runs_last_finalizers


@pytest.mark.shim
@pytest.mark.parametrize(
    ("statements", "times"),
    [
        ("import ididi", 1),
        ("import ididi.graph", 1),
        ("from ididi import Graph", 1),
        ("importlib.import_module('ididi.graph')", 1),
        (f"import ididi{children.FORGET}import ididi", 2),
    ],
)
def test_ididi_is_patched_by_the_hook_that_wrapt_calls(
    statements: str, times: int, knows_graphs: bool
) -> None:
    """Its code has run, and nothing is replaced before wrapt says so."""
    if times > 1 and not knows_graphs:
        pytest.skip("a compiled module comes back as the object it was")
    child = children.run(
        f"""
import importlib, sys
from contextvars import ContextVar
import ididi_scopefix, wrapt.importer

notify = wrapt.importer.notify_module_loaded

def is_patched(module):
    code = getattr(module.Resolver.use_scope, "__code__", None)
    is_plain = type(module._SCOPE_CONTEXT) is ContextVar
    return not is_plain or "ididi_scopefix" in getattr(code, "co_filename", "")

def watch(module):
    if module.__name__ != "ididi.graph":
        return notify(module)
    before = is_patched(module)
    notify(module)
    print(before, is_patched(module))

wrapt.importer.notify_module_loaded = watch
{statements}
"""
    )

    assert child.stdout == "False True\n" * times


@pytest.mark.shim
def test_a_second_import_is_patched_as_the_first_was() -> None:
    """After ``del sys.modules[...]`` there is a new module, with new classes."""
    children.run(
        f"""
import sys
from contextvars import Context
import pytest
import ididi_scopefix
import ididi
first = ididi
assert ididi_scopefix.status().state == "active"
{children.FORGET}
assert ididi_scopefix.status().state == "waiting"

import ididi
assert ididi is not first
assert ididi_scopefix.status().state == "active"
for module in (first, ididi):
    graph = module.Graph()
    assert Context().run(graph.use_scope) is graph.use_scope()
    assert Context().run(graph.scope("request").__enter__).name == "request"

ididi_scopefix.deactivate()
for module in (first, ididi):
    with pytest.raises(LookupError):
        Context().run(module.Graph().use_scope)
"""
    )


@pytest.mark.shim
def test_a_second_import_of_the_module_alone_is_patched(knows_graphs: bool) -> None:
    """While the package stays."""
    if not knows_graphs:
        pytest.skip("a compiled module comes back as the object it was")
    children.run(
        """
        import sys
        from contextvars import Context
        import ididi_scopefix
        import ididi.graph
        first = sys.modules.pop("ididi.graph")

        import importlib
        second = importlib.import_module("ididi.graph")

        assert second is not first
        assert ididi_scopefix.status().state == "active"
        graph = second.Graph()
        assert Context().run(graph.use_scope) is graph.use_scope()
        """
    )


@pytest.mark.shim
def test_a_reloaded_module_is_patched_again(knows_graphs: bool) -> None:
    """It stays the same object, and gets new classes."""
    if not knows_graphs:
        pytest.skip("a compiled module can't be reloaded")
    children.run(
        """
        import importlib
        from contextvars import Context
        import ididi_scopefix
        import ididi.graph
        loader = ididi.graph.__loader__
        assert ididi_scopefix.status().state == "active"

        importlib.reload(ididi.graph)

        assert ididi_scopefix.status().state == "active"
        assert type(ididi.graph.__loader__) is type(loader)
        assert ididi.graph.__spec__.loader is ididi.graph.__loader__
        graph = ididi.graph.Graph()
        assert Context().run(graph.use_scope) is graph.use_scope()
        """
    )


@pytest.mark.shim
def test_a_module_is_patched_again_though_its_package_was_imported_anew(
    knows_graphs: bool,
) -> None:
    """That import finds the module, and leaves no hook for the next one."""
    if not knows_graphs:
        pytest.skip("a compiled module can't be reloaded")
    children.run(
        """
        import importlib, sys
        import ididi.graph, ididi_scopefix
        del sys.modules["ididi"]
        import ididi
        importlib.reload(sys.modules["ididi.graph"])
        assert ididi_scopefix.status().state == "active", ididi_scopefix.status()
        """
    )


@pytest.mark.shim
def test_a_module_reloaded_past_the_hook_is_no_secret(knows_graphs: bool) -> None:
    """The status says so, and activating again patches it."""
    children.run(
        f"""
        import sys
        from contextvars import Context
        import ididi_scopefix
        import ididi.graph
        assert ididi_scopefix.status().state == "active"

        ididi.graph.Resolver = type("Resolver", (ididi.graph.Resolver,), {{}})

        status = ididi_scopefix.status()
        assert status.state == "failed" and "activate()" in status.reason, status
        if {knows_graphs}:  # a compiled module can't be reloaded
            assert ididi_scopefix.activate().state == "active"
            Context().run(Context().run(ididi.graph.Graph).use_scope)
        """
    )


# The second is what ididi.graph imports, the first is imported before.
@pytest.mark.parametrize("name", ["ididi.config", "ididi._ds"])
@pytest.mark.shim
def test_the_status_during_the_import_of_ididi_says_so(name: str) -> None:
    """Asked by another library's hook."""
    told = children.run(
        f"""
        import ididi_scopefix, wrapt

        def ask(module):
            print(ididi_scopefix.status())

        wrapt.register_post_import_hook(ask, "{name}")
        import ididi
        """
    )

    assert "waiting" in told.stdout
    assert "being imported" in told.stdout


@pytest.mark.shim
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


@runs_last_finalizers
@pytest.mark.shim
def test_a_graph_is_used_while_the_interpreter_ends(knows_graphs: bool) -> None:
    """By a finalizer that runs when modules are cleared already."""
    program = """
    import ididi, contextvars

    class Session:
        def __init__(self):
            self.graph = ididi.Graph()

        def __del__(self):
            with self.graph.scope("last") as scope:
                print(scope.name, self.graph.use_scope() is scope)

    # Of a module that is cleared later than ididi.
    contextvars.session = Session()"""
    plain = children.run(program, IDIDI_SCOPEFIX="0")
    shimmed = children.run(
        f"    import ididi_scopefix{program}\n"
        "    assert ididi_scopefix.status().state == 'active'"
    )
    # A compiled ididi has lost its variable by then. So has any ididi on Python 3.13
    # without the GIL.
    if not IS_FREE_THREADED:
        assert plain.stdout == ("last True\n" if knows_graphs else "")
    assert shimmed.stdout == plain.stdout
    assert bool(shimmed.stderr) is bool(plain.stderr) is (not plain.stdout)

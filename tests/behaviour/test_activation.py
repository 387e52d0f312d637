"""``activate()`` and ``deactivate()`` are each other's inverse."""

from __future__ import annotations

import inspect
import threading
from contextvars import Context
from typing import TYPE_CHECKING, Any

import ididi.graph
import pytest
import wrapt
from ididi import Graph
from ididi.graph import Resolver

import ididi_scopefix
from tests import children, contexts

if TYPE_CHECKING:
    from ididi import SyncScope


def contents() -> dict[str, Any]:
    """Return everything that the shim may have replaced."""
    return {
        "scope": vars(Resolver)["scope"],
        "ascope": vars(Resolver)["ascope"],
        "use_scope": vars(Resolver)["use_scope"],
        "__init__": vars(Graph)["__init__"],
        "_SCOPE_CONTEXT": ididi.graph._SCOPE_CONTEXT,
    }


def raises(graph: Graph) -> bool:
    """Tell whether *graph* has the bug."""
    try:
        Context().run(graph.use_scope)
    except LookupError:
        return True
    return False


def test_deactivating_brings_the_bug_back(graph: Graph) -> None:
    """And activating ends it, as often as one likes."""
    for _ in range(3):
        assert ididi_scopefix.activate().state == "active"
        assert not raises(graph)
        assert ididi_scopefix.deactivate().state == "disabled"
        assert raises(graph)


def test_deactivating_puts_back_what_was_there() -> None:
    """The very objects, not equal ones."""
    ididi_scopefix.deactivate()
    original = contents()
    ididi_scopefix.activate()
    active = contents()
    assert any(active[name] is not original[name] for name in original)

    ididi_scopefix.deactivate()

    assert all(contents()[name] is original[name] for name in original)


def test_activating_twice_changes_nothing(graph: Graph) -> None:
    """One layer, not two."""
    first = ididi_scopefix.activate()
    active = contents()

    assert ididi_scopefix.activate().patched == first.patched != ()

    assert all(contents()[name] is active[name] for name in active)
    ididi_scopefix.deactivate()
    ididi_scopefix.deactivate()
    assert raises(graph)


def test_a_scope_opened_before_deactivating_closes(
    graph: Graph, default_scope: SyncScope
) -> None:
    """Sync and async; the context has its seed back then."""

    async def request() -> None:
        async with graph.ascope("outer") as outer:
            with graph.scope("inner"):
                ididi_scopefix.deactivate()
            assert graph.use_scope() is outer
        assert graph.use_scope() is default_scope

    contexts.run_in_thread(request)


@pytest.mark.unchanged
def test_a_scope_made_before_deactivating_is_plain_ididi_s(graph: Graph) -> None:
    """It is entered afterwards, in a context without a scope."""
    manager = graph.scope()
    ididi_scopefix.deactivate()
    plain = graph.scope()

    def enter(manager: Any) -> type[BaseException] | None:
        try:
            with manager:
                return None
        except LookupError as error:
            return type(error)

    assert Context().run(enter, manager) is Context().run(enter, plain)


def count_calls(calls: list[Any]) -> Any:
    """Return what another library would put around a method."""

    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        calls.append(instance)
        return wrapped(*args, **kwargs)

    return wrapper


def test_a_wrapper_above_ours_stays_and_works(graph: Graph, knows_graphs: bool) -> None:
    """Another library has wrapped the method since; ours passes through."""
    if not knows_graphs:
        pytest.skip("the methods of compiled classes can't be wrapped")
    calls: list[Any] = []
    ours = vars(Resolver)["use_scope"]
    theirs = wrapt.FunctionWrapper(ours, count_calls(calls))
    patched: Any = Resolver
    patched.use_scope = theirs
    try:
        assert not raises(graph)
        ididi_scopefix.deactivate()
        assert vars(Resolver)["use_scope"] is theirs
        assert raises(graph)
        assert graph.use_scope().name
        ididi_scopefix.activate()
        assert vars(Resolver)["use_scope"] is theirs
        assert not raises(graph)
        assert calls[-4:] == [graph] * 4
    finally:
        patched.use_scope = ours
    ididi_scopefix.deactivate()
    assert vars(Resolver)["use_scope"] is not ours
    assert raises(graph)


def test_a_wrapper_above_ours_that_hides_it_stays_and_works(
    graph: Graph, knows_graphs: bool
) -> None:
    """A plain function, of which nobody can tell what it calls."""
    if not knows_graphs:
        pytest.skip("the methods of compiled classes can't be wrapped")
    ours = vars(Resolver)["use_scope"]
    patched: Any = Resolver

    def theirs(*args: Any, **kwargs: Any) -> Any:
        return ours(*args, **kwargs)

    patched.use_scope = theirs
    try:
        for _ in range(3):
            ididi_scopefix.deactivate()
            assert vars(Resolver)["use_scope"] is theirs
            assert raises(graph)
            ididi_scopefix.activate()
            assert not raises(graph)
    finally:
        patched.use_scope = ours
    ididi_scopefix.deactivate()
    assert vars(Resolver)["use_scope"] is not ours
    assert inspect.unwrap(vars(Resolver)["use_scope"]) is vars(Resolver)["use_scope"]


def test_a_wrapper_below_ours_goes_on_being_called(
    graph: Graph, default_scope: SyncScope, knows_graphs: bool
) -> None:
    """Another library had wrapped the methods before."""
    if not knows_graphs:
        pytest.skip("the methods of compiled classes can't be wrapped")
    calls: list[Any] = []
    ididi_scopefix.deactivate()
    original = {name: vars(Resolver)[name] for name in ("scope", "ascope", "use_scope")}
    for name, method in original.items():
        setattr(Resolver, name, wrapt.FunctionWrapper(method, count_calls(calls)))
    try:
        assert ididi_scopefix.activate().state == "active"
        calls.clear()

        async def request() -> None:
            manager = graph.ascope("outer")
            assert calls == [graph]
            async with manager as outer:
                assert outer.pre is default_scope
            with graph.scope("inner") as inner:
                assert inner.pre is default_scope
            assert graph.use_scope() is default_scope

        contexts.run_in_thread(request)
        assert calls == [graph] * 3
    finally:
        ididi_scopefix.deactivate()
        for name, method in original.items():
            setattr(Resolver, name, method)


def test_threads_that_activate_and_deactivate_leave_no_trace(graph: Graph) -> None:
    """Whoever is last decides, and nothing is left half."""
    ididi_scopefix.deactivate()
    original = contents()
    barrier = threading.Barrier(8)
    errors: list[BaseException] = []

    def switch(number: int) -> None:
        barrier.wait()
        try:
            for _ in range(20):
                if number % 2:
                    ididi_scopefix.activate()
                else:
                    ididi_scopefix.deactivate()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=switch, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    ididi_scopefix.deactivate()
    assert all(contents()[name] is original[name] for name in original)
    assert raises(graph)
    ididi_scopefix.activate()
    assert not raises(graph)


def test_activating_waits_for_ididi_and_deactivating_stops_that() -> None:
    """Before ididi is imported they arm and disarm."""
    children.run(
        """
        import sys
        import ididi_scopefix

        ididi_scopefix.deactivate()
        before = list(sys.meta_path)
        assert ididi_scopefix.activate().state == "waiting"
        assert ididi_scopefix.activate().state == "waiting"
        assert len(sys.meta_path) == len(before) + 1
        assert ididi_scopefix.deactivate().state == "disabled"
        assert sys.meta_path == before

        import ididi
        from contextvars import Context

        graph = ididi.Graph()
        import pytest
        with pytest.raises(LookupError):
            Context().run(graph.use_scope)
        assert ididi_scopefix.activate().state == "active"
        Context().run(graph.use_scope)
        """
    )


def test_a_second_import_is_patched_as_the_first_was() -> None:
    """After ``del sys.modules[...]`` there is a new module, with new classes."""
    children.run(
        """
        import sys
        from contextvars import Context
        import ididi_scopefix
        import ididi
        first = ididi
        assert ididi_scopefix.status().state == "active"

        for name in [name for name in sys.modules if name.split(".")[0] == "ididi"]:
            del sys.modules[name]
        assert ididi_scopefix.status().state == "waiting"

        import ididi
        assert ididi is not first
        assert ididi_scopefix.status().state == "active"
        for module in (first, ididi):
            graph = module.Graph()
            assert Context().run(graph.use_scope) is graph.use_scope()

        ididi_scopefix.deactivate()
        for module in (first, ididi):
            try:
                Context().run(module.Graph().use_scope)
            except LookupError:
                pass
            else:
                raise AssertionError("still patched")
        """
    )


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


def test_a_module_reloaded_past_the_hook_is_no_secret() -> None:
    """The status says so, and activating again patches it."""
    children.run(
        """
        import sys
        from contextvars import Context
        import ididi_scopefix
        import ididi.graph
        assert ididi_scopefix.status().state == "active"

        ididi.graph.Resolver = type("Resolver", (ididi.graph.Resolver,), {})

        status = ididi_scopefix.status()
        assert status.state == "failed" and "activate()" in status.reason, status
        """
    )

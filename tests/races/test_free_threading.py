"""Many threads at the same time, for builds of Python without the GIL.

On builds that have it they find the same, with threads that switch often. The
number of steps is bounded, and every count is exact.
"""

from __future__ import annotations

from contextvars import Context
from typing import Any

import pytest
from ididi import Graph
from ididi.config import DefaultScopeName

import ididi_scopefix
from tests import children, shape
from tests.pythons import IS_FREE_THREADED, SYMPTOM, may_inherit_contexts
from tests.races.threads import run_at_once

THREADS = 8
STEPS = 500


@pytest.mark.skipif(not IS_FREE_THREADED, reason="this build of Python has a GIL")
@pytest.mark.shim
def test_nothing_of_ours_brings_the_gil_back() -> None:
    """Python turns it on for an extension module that does not know it can be off."""
    children.run(
        """
        import sys
        if sys._is_gil_enabled():
            raise SystemExit("the GIL is on before anything is imported")
        import ididi_scopefix, ididi
        assert ididi_scopefix.status().state == "active", ididi_scopefix.status()
        assert not sys._is_gil_enabled()
        """
    )


@pytest.mark.shim
def test_every_context_that_threads_seed_for_one_graph_is_counted() -> None:
    """None is lost and none is counted twice."""
    graph = Context().run(Graph)
    default_scope = Context().run(graph.use_scope)
    before = ididi_scopefix.status().seeded

    def work() -> bool:
        contexts = [Context() for _ in range(STEPS)]
        found = [context.run(graph.use_scope) for context in contexts]
        # Once more, in contexts that are seeded by now.
        found += [context.run(graph.use_scope) for context in contexts]
        return all(scope is default_scope for scope in found)

    assert run_at_once(*[work] * THREADS) == [True] * THREADS
    assert ididi_scopefix.status().seeded - before == THREADS * STEPS


@pytest.mark.parametrize("shared", [True, False], ids=["one", "many"])
def test_scopes_of_threads_do_not_meet(shared: bool) -> None:
    """Whether they belong to one graph, or to graphs that other threads build."""
    only = Context().run(Graph)

    def request(graph: Graph, name: str) -> None:
        with graph.scope(name) as scope:
            default_scope = graph.use_scope(DefaultScopeName)
            assert graph.use_scope(name) is scope
            assert graph.use_scope() is scope
            assert scope.pre is default_scope
        # Compiled classes answer with the graph built last, by any thread.
        if shared or shape.has_mutable_classes():
            assert graph.use_scope() is default_scope

    def work(number: int) -> None:
        for step in range(STEPS):
            graph = only if shared else Context().run(Graph)
            Context().run(request, graph, f"{number}-{step}")

    run_at_once(*[lambda number=number: work(number) for number in range(THREADS)])


@pytest.mark.shim
def test_contexts_of_graphs_that_threads_build_are_counted() -> None:
    """Each graph in a context of its own, and asked in another one."""
    before = ididi_scopefix.status().seeded

    def work() -> list[Any]:
        graphs = [Context().run(Graph) for _ in range(STEPS // 5)]
        scopes = [Context().run(graph.use_scope) for graph in graphs]
        again = [Context().run(graph.use_scope) for graph in graphs]
        if shape.has_mutable_classes():
            # Compiled classes don't tell on which graph a call is made.
            assert all(one is other for one, other in zip(scopes, again))
        return scopes

    found = [scope for scopes in run_at_once(*[work] * THREADS) for scope in scopes]
    if shape.has_mutable_classes():
        assert len({id(scope) for scope in found}) == len(found)
    assert ididi_scopefix.status().seeded - before == 2 * len(found)


def test_threads_that_need_graphs_at_once_agree_on_each_default_scope() -> None:
    """For graphs that were built while the shim was off."""
    ididi_scopefix.deactivate()
    graphs = [Context().run(Graph) for _ in range(STEPS)]
    ididi_scopefix.activate()

    def work() -> list[Any]:
        return [Context().run(graph.use_scope) for graph in graphs]

    for scopes in zip(*run_at_once(*[work] * THREADS)):
        assert len({id(scope) for scope in scopes}) == 1


def test_requests_survive_a_shim_that_comes_and_goes() -> None:
    """Each answers as with the shim or as without it, and the end is as the last call."""
    graph = Context().run(Graph)
    default_scope = Context().run(graph.use_scope)

    def serve() -> int:
        failed = 0
        for _ in range(STEPS):
            try:
                assert Context().run(graph.use_scope) is default_scope
            except LookupError as error:
                assert str(error).startswith(SYMPTOM)
                failed += 1
        return failed

    def switch() -> None:
        for _ in range(20):
            ididi_scopefix.deactivate()
            ididi_scopefix.activate()

    def read() -> set[str]:
        return {ididi_scopefix.status().state for _ in range(50)}

    *_, states = run_at_once(serve, serve, serve, switch, switch, read)
    assert states <= {"active", "disabled", "waiting"}
    assert ididi_scopefix.activate().state == "active"
    assert Context().run(graph.use_scope) is default_scope


@pytest.mark.shim
def test_verbose_output_of_many_threads_is_whole_and_its_counts_exact() -> None:
    """No line is torn, each caller is told once, and the totals are right."""
    assert ididi_scopefix.status().state == "active"
    child = children.run(
        f"""
        import threading
        import ididi_scopefix
        from contextvars import Context
        from ididi import Graph

        THREADS, STEPS = {THREADS}, 250
        graph = Context().run(Graph)
        barrier = threading.Barrier(THREADS + 1)

        def first():
            graph.use_scope()

        def second():
            graph.use_scope()

        def work():
            barrier.wait(60)
            for _ in range(STEPS // 2):
                Context().run(first)
                Context().run(second)

        def read():
            barrier.wait(60)
            for _ in range(50):
                status = ididi_scopefix.status()
                assert sum(c.count for c in status.callers) <= THREADS * STEPS

        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        threads.append(threading.Thread(target=read))
        for thread in threads:
            Context().run(thread.start)
        for thread in threads:
            thread.join(100)
            assert not thread.is_alive()
        status = ididi_scopefix.status()
        print(status.seeded)
        for caller in sorted(status.callers, key=lambda each: each.function):
            print(caller.function, caller.count)
        """,
        "-W",
        "error",
        IDIDI_SCOPEFIX="verbose",
    )
    total = THREADS * 250
    assert child.stdout.split("\n") == [
        f"{total}",
        f"first {total // 2}",
        f"second {total // 2}",
        "",
    ]
    lines = child.stderr.splitlines()
    assert all(line.startswith("ididi-scopefix[") for line in lines), child.stderr
    needs = [line for line in lines if "first need" in line]
    assert len(needs) == 2
    rounds = [
        line.split(": ", 1)[1].split()[0] for line in lines if "contexts seeded" in line
    ]
    assert sorted(rounds) == ["1,000", "10", "100"]


@may_inherit_contexts
@pytest.mark.parametrize("inherit", ["0", "1"])
@pytest.mark.parametrize("by", ["option", "variable"])
@pytest.mark.shim
def test_threads_may_inherit_their_context(by: str, inherit: str) -> None:
    """They need a seed if they don't, and none is wasted on them if they do."""
    options: tuple[str, ...] = ()
    variables: dict[str, str] = {}
    if by == "option":
        options = ("-X", f"thread_inherit_context={inherit}")
    else:
        variables = {"PYTHON_THREAD_INHERIT_CONTEXT": inherit}
    child = children.run(
        """
        import threading
        import ididi_scopefix
        from ididi import Graph

        def work():
            with graph.scope("request") as scope:
                print(scope.name, scope.pre is default_scope)

        graph = Graph()
        default_scope = graph.use_scope()
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        print(ididi_scopefix.status().seeded)
        """,
        *options,
        **variables,
    )
    assert child.stdout == f"request True\n{1 - int(inherit)}\n"


@pytest.mark.parametrize(
    ("wrapt", "has_gil", "warned"),
    [
        ("2.3.1", "lambda: False", True),
        pytest.param("2.3.1", "lambda: True", False, marks=pytest.mark.unchanged),
        pytest.param("2.3.1", None, False, marks=pytest.mark.unchanged),
        pytest.param("2.4.0rc1", "lambda: False", False, marks=pytest.mark.unchanged),
    ],
)
def test_a_wrapt_that_crashes_without_the_gil_costs_one_warning(
    wrapt: str, has_gil: str | None, warned: bool
) -> None:
    """It is the program's to upgrade: ididi is patched all the same."""
    children.run(
        f"""{children.LISTEN}
import sys, wrapt
if {has_gil}:
    sys._is_gil_enabled = {has_gil}
else:  # as before Python 3.13
    vars(sys).pop("_is_gil_enabled", None)
wrapt.__version__ = {wrapt!r}
import ididi_scopefix
ididi_scopefix.activate()
import ididi
warning = "without the GIL, ididi-scopefix needs wrapt 2.4: upgrade it"
assert warnings == [warning] * {warned}, warnings
"""
    )

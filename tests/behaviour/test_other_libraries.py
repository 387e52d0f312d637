"""Libraries that look into ididi find what they would find without the shim."""

from __future__ import annotations

import copy
import pickle
from contextvars import Context
from typing import TYPE_CHECKING, Any, Callable

import dill
import ididi.graph
import pytest
from ididi import Graph

import ididi_scopefix
from tests import children, shape
from tests.pythons import IS_PYPY

if TYPE_CHECKING:
    from ididi import SyncScope

IN_AN_EMPTY_CONTEXT = """
from contextvars import Context
graph = Context().run(ididi.Graph)
assert Context().run(graph.use_scope).name == "__ididi_default_scope__"
assert ididi_scopefix.status().state == "active", ididi_scopefix.status()
"""


@pytest.mark.unchanged
def test_another_container_builds_a_graph() -> None:
    """punq reads the constructor's signature, and its defaults."""
    program = """
    import punq, ididi
    container = punq.Container()
    container.register(ididi.Graph)
    try:
        print(type(container.resolve(ididi.Graph)))
    except Exception as error:
        print(type(error))
    """
    plain = children.run(program, IDIDI_SCOPEFIX="0")
    assert children.run(f"    import ididi_scopefix\n{program}").stdout == plain.stdout


@pytest.mark.shim
def test_annotations_are_checked_at_run_time() -> None:
    """By beartype, in every module that is imported from then on."""
    children.run(
        """
        from beartype import BeartypeConf
        from beartype.claw import beartype_all
        beartype_all(conf=BeartypeConf(violation_type=UserWarning))
        import ididi_scopefix, ididi
        """
        + IN_AN_EMPTY_CONTEXT.replace("\n", "\n        ")
    )


@pytest.mark.shim
@pytest.mark.parametrize("packages", ["['ididi']", "None"])
def test_an_import_hook_that_loads_ididi_itself_does_not_switch_the_shim_off(
    packages: str,
) -> None:
    """typeguard's finder stands before the shim's, and asks none but Python's."""
    children.run(
        f"""
        import ididi_scopefix
        from typeguard import install_import_hook
        install_import_hook({packages})
        import ididi
        # As soon as the program imports anything more.
        import colorsys
        """
        + IN_AN_EMPTY_CONTEXT.replace("\n", "\n        ")
    )


def cloudpickled(registry: Any) -> Any:
    """Copy *registry* as Spark and Dask send one."""
    import cloudpickle

    return cloudpickle.loads(cloudpickle.dumps(registry))


@pytest.mark.parametrize(
    "copied",
    [
        pytest.param(copy.copy, id="copy"),
        pytest.param(copy.deepcopy, id="deepcopy"),
        pytest.param(lambda each: pickle.loads(pickle.dumps(each)), id="pickle"),
        pytest.param(
            cloudpickled,
            id="cloudpickle",
            marks=pytest.mark.skipif(
                IS_PYPY, reason="newer releases of PyPy can't import cloudpickle"
            ),
        ),
        pytest.param(lambda each: dill.loads(dill.dumps(each)), id="dill"),
    ],
)
def test_a_type_registry_is_copied_as_ever(
    graph: Graph,
    default_scope: SyncScope,
    copied: Callable[[Any], Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And a graph that is given the copy has a default scope of its own."""

    def outcome(registry: Any) -> tuple[object, ...]:
        try:
            found = copied(registry)
        except Exception as error:
            return (type(error),)
        return type(found), bool(found == registry)

    assert Context().run(graph.use_scope) is default_scope
    ididi_scopefix.deactivate()
    expected = outcome(Context().run(Graph)._type_registry)
    ididi_scopefix.activate()
    assert outcome(graph._type_registry) == expected

    found = copied(graph._type_registry)
    other: Any = Context().run(Graph)
    try:
        monkeypatch.setattr(other, "_type_registry", found)
    except AttributeError:
        # Compiled graphs are what they are.
        return
    ididi_scopefix.deactivate()
    ididi_scopefix.activate()
    assert Context().run(other.use_scope) is not default_scope
    assert Context().run(graph.use_scope) is default_scope


@shape.compiled_only
@pytest.mark.xfail(
    strict=True,
    raises=TypeError,
    reason="a context takes a ContextVar itself, and no proxy of one, for a key",
)
@pytest.mark.unchanged
def test_a_context_is_asked_for_the_variable(graph: Graph) -> None:
    """As tools do that look into a request's context."""
    context = Context()
    context.run(graph.use_scope)
    variable: Any = ididi.graph._SCOPE_CONTEXT
    assert variable not in Context()

"""What ``doctor`` runs in a child: every scope call, in every kind of context.

The child gets the text of this module. Nothing of this package is imported here, so
that the child can tell whether it has the shim by itself.
"""

# ididi resolves what the annotations below say: no __future__ import here.

import asyncio
import inspect
import sys
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context, copy_context
from importlib import import_module
from typing import Annotated, Any, Callable, Generator, Optional  # noqa: UP035

Call = Callable[[], Any]


class Resource:
    """Something that only a scope can resolve, since it has to be closed."""


def _open_resource() -> Generator[Resource, None, None]:
    yield Resource()


def _calls() -> dict[str, Callable[[], Call]]:
    """Return what prepares each scope call, on graphs built right here."""
    from ididi import use
    from ididi.graph import Graph

    graph, other = Graph(), Graph()

    def scope() -> None:
        with graph.scope("doctor"):
            pass

    async def ascope() -> None:
        async with graph.ascope("doctor"):
            pass

    def use_default() -> None:
        # Here and not above: ididi 1.4.2 doesn't have it.
        from ididi.config import DefaultScopeName

        graph.use_scope(DefaultScopeName)

    def entry(resource: Annotated[Resource, use(_open_resource)]) -> None:
        assert isinstance(resource, Resource)

    return {
        "scope()": lambda: scope,
        "ascope()": lambda: ascope,
        "use_scope()": lambda: graph.use_scope,
        "use_scope(default)": lambda: use_default,
        "merge()": lambda: lambda: graph.merge(other),
        # The decorator reads the annotations, which may fail on its own account.
        "entry function": lambda: graph.entry(entry),
    }


async def _in_loop(call: Call) -> None:
    result = call()
    if inspect.isawaitable(result):
        await result


def _in_new_loop(call: Call) -> None:
    asyncio.run(_in_loop(call))


def _in_new_thread(call: Call) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_in_new_loop, call).result()


async def _in_pool_of_loop(call: Call) -> None:
    await asyncio.get_running_loop().run_in_executor(None, _in_new_loop, call)


async def _in_empty_task(call: Call) -> None:
    # create_task() has no parameter for the context before Python 3.11. A task
    # always runs in a copy of the context that it is created in.
    loop = asyncio.get_running_loop()
    await Context().run(loop.create_task, _in_loop(call))


KINDS: dict[str, Callable[[Call], Any]] = {
    "copied context": lambda call: copy_context().run(_in_new_loop, call),
    "empty context": lambda call: Context().run(_in_new_loop, call),
    "new thread with a new event loop": _in_new_thread,
    "thread-pool thread": lambda call: asyncio.run(_in_pool_of_loop(call)),
    "task with an empty context": lambda call: asyncio.run(_in_empty_task(call)),
}
"""The kinds of context, and what makes a call in each."""


def _failure(run: Callable[[Call], Any], name: str) -> Optional[str]:
    """Make one call in one kind of context, on new graphs; return its error."""
    try:
        run(_calls()[name]())
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def examine(with_shim: bool) -> dict[str, Any]:
    """Return what every call does in every kind of context, and the shim's state."""
    found: dict[str, Any] = {"loaded": "ididi_scopefix" in sys.modules}
    try:
        if with_shim:
            import_module("ididi_scopefix")
        import_module("ididi.graph")
    except Exception as error:
        found["missing"] = getattr(error, "name", None)
        found["error"] = f"{type(error).__name__}: {error}"
        return found
    found["failures"] = {
        name: {kind: _failure(run, name) for kind, run in KINDS.items()}
        for name in _calls()
    }
    if with_shim:
        status = sys.modules["ididi_scopefix"].status()
        found["state"], found["reason"] = status.state, status.reason
    return found

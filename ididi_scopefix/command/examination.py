"""What ``doctor`` runs in a child: every scope call, in every kind of context.

The child gets this module's source, not the module: importing it would activate
the shim, and doctor also wants to know whether the shim is active without any
import. For the same reason nothing of this package is imported here.
"""

# ididi resolves what the annotations below say: no __future__ import here.

import asyncio
import inspect
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from importlib import import_module
from typing import Annotated, Any, Callable, Generator, Optional  # noqa: UP035

IMPORT = "import"
"""The argument that has the child import the shim first."""

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


def _without_loop(call: Call) -> None:
    result = call()
    if inspect.isawaitable(result):

        async def wait() -> None:
            await result

        asyncio.run(wait())


def _in_empty_context(call: Call) -> None:
    Context().run(_without_loop, call)


def _in_new_thread(call: Call) -> None:
    errors: list[BaseException] = []

    def main() -> None:
        try:
            asyncio.run(_in_loop(call))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
    for error in errors:
        raise error


def _in_pool_thread(call: Call) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_without_loop, call).result()


def _in_empty_task(call: Call) -> None:
    async def main() -> None:
        # create_task() has no parameter for the context before Python 3.11. A
        # task always runs in a copy of the context that it is created in.
        loop = asyncio.get_running_loop()
        await Context().run(loop.create_task, _in_loop(call))

    asyncio.run(main())


KINDS = {
    "empty context": _in_empty_context,
    "new thread with a new event loop": _in_new_thread,
    "thread-pool thread": _in_pool_thread,
    "task with an empty context": _in_empty_task,
}
"""The kinds of context, and what makes a call in each."""


def _failure(run: Callable[[Call], None], name: str) -> Optional[str]:
    """Make one call in one kind of context, on new graphs; return its error."""
    try:
        run(_calls()[name]())
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def make_calls() -> dict[str, Any]:
    """Return what every call does in every kind of context, and the shim's state."""
    found: dict[str, Any] = {"loaded": "ididi_scopefix" in sys.modules}
    try:
        if IMPORT in sys.argv[1:]:
            import_module("ididi_scopefix")
        import_module("ididi.graph")
    except ImportError as error:
        found["missing"] = error.name
        found["error"] = f"{type(error).__name__}: {error}"
        return found
    except Exception as error:
        found["error"] = f"{type(error).__name__}: {error}"
        return found
    found["failures"] = {
        name: {kind: _failure(run, name) for kind, run in KINDS.items()}
        for name in _calls()
    }
    shim = sys.modules.get("ididi_scopefix")
    if shim is not None:
        status = shim.status()
        found["state"], found["reason"] = status.state, status.reason
    return found


if __name__ == "__main__":
    print(f"\n{sys.argv[1]}{json.dumps(make_calls())}", flush=True)

"""Runs programs, which are data, and traces what they see.

A program is a list of statements, a statement a tuple: what to do, and the operands.
``drawing.py`` says which there are. What it needs is asked for by number, and there
is always something of every number.

Statements are coroutines, also where no event loop runs: there, :func:`drive` does.
"""

from __future__ import annotations

import asyncio
import inspect
import threading
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import Context, copy_context
from typing import Any, Callable
from weakref import ref

import ididi.graph
from ididi import Graph
from ididi.config import DefaultScopeName
from ididi.errors import OutOfScopeError

from tests.differential import service
from tests.differential.rule import PUT, Shim
from tests.differential.trace import Trace
from tests.garbage import clear_caches
from tests.pythons import collect

Block = list[tuple[Any, ...]]

NAMES: tuple[Any, ...] = ("", "request", DefaultScopeName, DefaultScopeName, 7, [])
ERRORS = (ValueError, LookupError, asyncio.CancelledError, OutOfScopeError)


class JoinedPool(ThreadPoolExecutor):
    """A thread pool in which it makes no difference which thread is faster."""

    def submit(self, *call: Any, **options: Any) -> Any:
        """Have a thread make the call, and wait until it has."""
        future = super().submit(*call, **options)
        wait([future])
        return future


def drive(coroutine: Any) -> Any:
    """Run *coroutine* without an event loop."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as stop:
            return stop.value


class Program:
    """One run of a program.

    Args:
        shim: what answers where a context has no scope.
        graphs: how many graphs it starts with.
        is_late: whether the shim is activated when they have been built, in the
            context that has built the last of them.
    """

    def __init__(self, shim: Shim, graphs: int, is_late: bool) -> None:
        self.shim, self.is_late = shim, is_late
        self.trace = Trace()
        self.note = self.trace.note
        self.graphs: list[Any] = []
        self.entries: list[tuple[Any, Any]] = []
        self.pools: list[ref[Any]] = []
        self.scopes: list[Any] = []
        self.contexts: list[Context] = []
        self.entered: list[Block] = []
        self.building = Context()
        self.fallbacks = shim.fallbacks()
        shim.switch(not is_late)
        for _ in range(graphs - 1):
            # Of two in one context, the token of the second keeps the first alive.
            Context().run(self.build)
        self.building.run(self.build)
        self.building.run(shim.switch, True)

    # The frame of a program.

    def run(self, block: Block, is_empty: bool) -> list[str]:
        """Run *block*, in an empty context or not; return what it has seen."""
        service.running.append(self)
        try:
            self.in_context("empty" if is_empty else "built", block)()
        finally:
            service.running.pop()
        for graph in self.graphs:
            graph._workers.shutdown()
        # What ends later is not noted any more.
        return list(self.trace.lines)

    async def block(self, block: Block) -> None:
        """Run the statements of *block*."""
        for action, *operands in block:
            self.note(f"{action}:")
            await getattr(self, f"do_{action}")(*operands)
            self.see()

    def run_block(self, block: Block) -> None:
        """Run the statements of *block* where no event loop does."""
        drive(self.block(block))

    def see(self) -> None:
        """Note all that is in the current context, and how many calls needed help."""
        self.shim.settle()
        held = [value for key, value in copy_context().items() if key is not PUT]
        self.note("sees", held, self.shim.fallbacks() - self.fallbacks)

    async def attempt(self, call: Callable[[], Any]) -> None:
        """Make *call*, wait for what it returns, note that, and go on."""
        try:
            result = call()
            if inspect.isawaitable(result):
                result = await result
        except BaseException as error:
            self.shim.settle()
            self.note("raises", error)
        else:
            self.returns(result)

    def returns(self, result: Any) -> None:
        """Note what a call has returned, and remember a scope."""
        self.shim.settle()
        is_scope = isinstance(result, (ididi.graph.SyncScope, ididi.graph.AsyncScope))
        if is_scope and not any(each is result for each in self.scopes):
            self.scopes.append(result)
        self.note("returns", result)

    # What is asked for by number.

    def graph(self, number: int) -> Any:
        return self.graphs[number % len(self.graphs)]

    def resolver(self, number: int) -> Any:
        """Return a graph, or if *number* is above three a scope, new ones first."""
        if number <= 3 or not self.scopes:
            return self.graph(number)
        return self.scopes[-(number - 3) % len(self.scopes)]

    def context(self, kind: Any) -> Context:
        """Return a context: a new one, or one that was made before."""
        if kind == "empty":
            made = Context()
        elif kind == "built":
            made = self.building.copy()
        elif kind == "copied" or not self.contexts:
            made = copy_context()
        else:
            return self.contexts[kind % len(self.contexts)]
        self.contexts.append(made)
        return made

    # Graphs, and the shim.

    def build(self) -> None:
        graph = Graph(workers=JoinedPool(max_workers=1))
        self.shim.built(graph, ididi.graph._SCOPE_CONTEXT.get(None))
        graph.register_singleton(service.Settings())  # which no default scope holds
        graph.node(service.open_connection)
        self.graphs.append(graph)
        self.entries.append(service.make_entries(graph))
        self.pools.append(ref(graph._workers))

    async def do_build(self) -> None:
        # The shim learns of a graph when it is built: one from before may get
        # another default scope than ididi has made for it.
        if len(self.graphs) < 4 and self.shim.is_on:
            self.build()

    async def do_drop(self, who: int) -> None:
        if len(self.graphs) > 1:
            number = who % len(self.graphs)
            del self.entries[number]
            workers = self.graphs.pop(number)._workers
            self.scopes = [each for each in self.scopes if each._workers is not workers]
            self.trace.forget(workers)
            del workers
        clear_caches()
        collect()
        self.note("graphs are alive", sum(pool() is not None for pool in self.pools))

    async def do_seed(self, who: int) -> None:
        await self.attempt(lambda: self.shim.seed(self.graph(who)))

    async def do_switch(self, is_on: bool) -> None:
        if not self.is_late:  # see do_build()
            self.shim.switch(is_on)

    async def do_merge(self, who: int, other: int) -> None:
        self.shim.asks(self.graph(other))
        await self.attempt(lambda: self.graph(who).merge(self.graph(other)))

    # Scopes.

    async def do_use(self, who: int, name: int) -> None:
        resolver = self.resolver(who)
        self.shim.asks(resolver)
        await self.attempt(lambda: resolver.use_scope(NAMES[name]))

    async def do_with(self, who: int, name: int, is_async: bool, block: Block) -> None:
        resolver = self.resolver(who)
        open_scope = resolver.ascope if is_async else resolver.scope
        manager = open_scope(NAMES[name])
        self.shim.asks(resolver)
        try:
            if is_async:
                async with manager as scope:
                    self.returns(scope)
                    await self.block(block)
            else:
                with manager as scope:
                    self.returns(scope)
                    await self.block(block)
        finally:
            self.shim.settle()

    async def do_raise(self, kind: int) -> None:
        raise ERRORS[kind]("the program's own")

    # What scopes hold.

    async def do_resolve(self, who: int, which: int) -> None:
        await self.attempt(lambda: self.resolver(who).resolve(service.TYPES[which]))

    async def do_entry(self, who: int, is_async: bool, block: Block) -> None:
        self.shim.asks(self.graph(who))
        self.entered.append(block)
        await self.attempt(self.entries[who % len(self.entries)][is_async])

    # Contexts, threads and tasks.

    def in_context(self, kind: Any, block: Block) -> Callable[[], None]:
        """Return a function that runs *block* in a context."""
        context = self.context(kind)
        call = lambda: context.run(self.run_block, block)
        return lambda: drive(self.attempt(call))

    async def do_context(self, kind: Any, block: Block) -> None:
        self.in_context(kind, block)()

    async def do_thread(self, kind: Any, block: Block) -> None:
        thread = threading.Thread(target=self.in_context(kind, block))
        thread.start()
        thread.join()

    async def do_run(self, block: Block) -> None:
        if asyncio._get_running_loop() is None:
            await self.attempt(lambda: asyncio.run(self.block(block)))

    async def do_sleep(self) -> None:
        await asyncio.sleep(0)

    async def do_task(
        self, kind: Any, block: Block, steps: int, is_cancelled: bool
    ) -> None:
        loop, context = asyncio.get_running_loop(), self.context(kind)
        task = context.run(lambda: loop.create_task(self.block(block)))
        for _ in range(steps):
            await asyncio.sleep(0)
        if is_cancelled:
            task.cancel()
        await self.attempt(lambda: task)

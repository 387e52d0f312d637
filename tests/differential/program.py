"""Runs programs, which are data, and traces what they see.

A program is a list of statements, a statement a tuple: what to do, and the operands.
``drawing.py`` says which there are. What it needs is asked for by number, and there
is always something of every number.

Statements are coroutines, also where no event loop runs: there, :func:`drive` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor, wait
from contextvars import Context, copy_context
from functools import partial
from typing import Any, Callable
from weakref import ref

import ididi.config
import ididi.errors
import ididi.graph
from ididi import Graph

from tests.differential import service
from tests.differential.rule import IS_COMPILED, Shim
from tests.differential.trace import Trace
from tests.pythons import collect
from tests.shape import clear_caches

Block = list[tuple[Any, ...]]

LIMIT = 150
"""Statements after which a program only unwinds: blocks run more than once."""

DEFAULT = ididi.config.DefaultScopeName
NAMES: tuple[Any, ...] = ("", "request", "outer", DEFAULT, 7, None, ("a", 1), [])


class OwnError(Exception):
    """An error of the program's own."""


ERRORS: tuple[Callable[[], BaseException], ...] = (
    lambda: OwnError("own", 1),
    lambda: LookupError("not the variable"),
    lambda: RuntimeError("generator didn't stop"),
    lambda: StopIteration("stop"),
    lambda: StopAsyncIteration("stop"),
    lambda: GeneratorExit("exit"),
    lambda: KeyboardInterrupt("interrupt"),
    lambda: asyncio.CancelledError("cancelled"),
    lambda: ididi.errors.OutOfScopeError("own"),
)


class JoinedPool(ThreadPoolExecutor):
    """A thread pool that has done what it was given before it goes on.

    So what a program sees does not depend on which thread is faster.
    """

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
        when: ``"early"``, or if the shim is activated when they have been built,
            ``"late"``, or ``"elsewhere"``: not in the context that has built them.
    """

    def __init__(self, shim: Shim, graphs: int, when: str) -> None:
        self.shim, self.is_late = shim, when != "early"
        self.trace = Trace()
        self.note = self.trace.note
        self.graphs: list[Any] = []
        self.entries: list[dict[str, Any]] = []
        self.pools: list[ref[Any]] = []
        self.scopes: list[Any] = []
        self.contexts: list[Context] = []
        self.managers: list[Any] = []
        self.tasks: list[Any] = []
        self.errors: list[BaseException] = [OwnError("first")]
        self.entered: list[Block] = []
        self.statements = 0
        self.building = Context()
        if self.is_late:
            shim.deactivate()
        for _ in range(graphs - 1):
            # Of two in one context, the token of the second keeps the first alive.
            Context().run(self.build)
        self.building.run(self.build)
        if when == "elsewhere":
            # The graph gets another default scope than the one that it has there.
            self.building = Context()
        self.building.run(shim.activate)

    # The frame of a program.

    def run(self, block: Block, is_empty: bool) -> list[str]:
        """Run *block*, in an empty context or not; return what it has seen."""
        service.running.append(self)
        sys.unraisablehook, unraisable = self.on_unraisable, sys.unraisablehook
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                warnings.showwarning = self.on_warning
                context = Context() if is_empty else self.building.copy()
                context.run(drive, self.attempt(lambda: self.block(block)))
                # What a program leaves behind, ends here.
                self.managers.clear()
                self.errors.clear()
                context.run(collect)
                for graph in self.graphs:
                    graph._workers.shutdown()
        finally:
            self.shim.activate()
            sys.unraisablehook = unraisable
            service.running.pop()
        lines = self.trace.lines
        # A graph that an event loop keeps for longer would be found by the next one.
        vars(self).clear()
        return lines

    async def block(self, block: Block) -> None:
        """Run the statements of *block*."""
        for action, *operands in block:
            self.statements += 1
            if self.statements > LIMIT:
                return
            self.shim.settle()
            self.note(f"{action}:")
            await getattr(self, f"do_{action}")(*operands)
            self.see()

    def see(self) -> None:
        """Note the scope of the current context."""
        self.shim.settle()
        self.note("sees", ididi.graph._SCOPE_CONTEXT.get(None))

    async def attempt(self, call: Callable[[], Any]) -> None:
        """Make *call*, wait for what it returns, note that, and go on."""
        try:
            result = call()
            if inspect.isawaitable(result):
                result = await result
        except BaseException as error:
            self.fails(error)
        else:
            self.returns(result)

    def fails(self, error: BaseException) -> None:
        """Note an exception, for later use."""
        self.shim.settle()
        self.errors.append(error)
        self.note("raises", error)

    def returns(self, result: Any) -> None:
        """Note what a call has returned, and remember a scope."""
        self.shim.settle()
        if isinstance(result, (ididi.graph.SyncScope, ididi.graph.AsyncScope)):
            if not any(each is result for each in self.scopes):
                self.scopes.append(result)
        elif isinstance(result, contextlib.AbstractContextManager):
            result = type(result)
        self.note("returns", result)

    def on_unraisable(self, unraisable: Any) -> None:
        name = getattr(unraisable.object, "__qualname__", type(unraisable.object))
        self.note("can't raise", unraisable.exc_value, name)

    def on_warning(self, message: Any, category: Any, *_: Any, **__: Any) -> None:
        self.note("warns", category, str(message))

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
        graph.node(service.open_async_connection)
        self.graphs.append(graph)
        self.entries.append(service.make_entries(graph))
        self.pools.append(ref(graph._workers))

    def enter(self, can_wait: bool) -> Any:
        """Run the block that the current entry function is for."""
        block = self.block(self.entered[-1])
        return block if can_wait else drive(block)

    async def do_build(self, elsewhere: bool) -> None:
        # The shim learns of a graph when it is built: one from before may get
        # another default scope than ididi has made for it.
        if len(self.graphs) < 4 and self.shim.is_on:
            (Context().run if elsewhere else drive_call)(self.build)

    async def do_drop(self, who: int) -> None:
        if len(self.graphs) > 1:
            number = who % len(self.graphs)
            del self.entries[number]
            workers = self.graphs.pop(number)._workers
            self.scopes = [each for each in self.scopes if each._workers is not workers]
            self.trace.forget(workers)
            del workers
            await self.do_collect()

    async def do_collect(self) -> None:
        clear_caches()
        collect()
        alive = sum(pool() is not None for pool in self.pools)
        self.note("graphs are alive", alive)

    async def do_seed(self, who: int) -> None:
        await self.attempt(lambda: self.shim.seed(self.graph(who)))

    async def do_activate(self) -> None:
        self.shim.activate()

    async def do_deactivate(self) -> None:
        if not self.is_late:  # see do_build()
            self.shim.deactivate()

    async def do_merge(self, who: int, others: list[int]) -> None:
        graphs = [self.graph(number) for number in others]
        for other in graphs:
            self.shim.asks(other)
        merged = graphs if len(graphs) != 1 else graphs[0]
        await self.attempt(lambda: self.graph(who).merge(merged))

    # Scopes.

    async def do_use(self, who: int, name: int, form: int) -> None:
        resolver, names = self.resolver(who), NAMES[name]
        function = type(resolver).use_scope
        calls: tuple[Callable[[], Any], ...] = (
            lambda: resolver.use_scope(names),
            lambda: resolver.use_scope(),
            lambda: resolver.use_scope(names, as_async=True),
            lambda: function(resolver, name=names),
        )
        number = self.shim.fallbacks()
        self.shim.asks(resolver)
        await self.attempt(calls[form])
        self.note("fallbacks", self.shim.fallbacks() - number)

    async def do_read(self) -> None:
        if IS_COMPILED:  # nobody can tell that it is not ididi who reads
            self.shim.asks(None)
        await self.attempt(lambda: ididi.graph._SCOPE_CONTEXT.get())

    async def do_put(self, who: int, block: Block) -> None:
        """Put a graph or an open scope into the variable by hand, as programs do."""
        resolver = self.resolver(who)
        if getattr(resolver, "name", None) != DEFAULT:
            token = ididi.graph._SCOPE_CONTEXT.set(resolver)
            try:
                await self.block(block)
            finally:
                ididi.graph._SCOPE_CONTEXT.reset(token)

    def manager(self, who: int, name: int, is_async: bool) -> tuple[Any, Any]:
        """Return the resolver of that number, and a context manager of a scope."""
        resolver = self.resolver(who)
        make = resolver.ascope if is_async else resolver.scope
        return resolver, make(NAMES[name])

    async def do_with(self, who: int, name: int, is_async: bool, block: Block) -> None:
        try:
            resolver, manager = self.manager(who, name, is_async)
            self.shim.asks(resolver)
            if is_async:
                async with manager as scope:
                    self.returns(scope)
                    await self.block(block)
            else:
                with manager as scope:
                    self.returns(scope)
                    await self.block(block)
        except BaseException as error:
            self.fails(error)
            raise

    async def do_decorate(self, who: int, name: int, block: Block) -> None:
        resolver = self.resolver(who)

        @resolver.scope(NAMES[name])
        def function(word: str) -> str:
            drive(self.block(block))
            return word

        for word in ("first", "second"):
            self.shim.asks(resolver)
            await self.attempt(partial(function, word))

    async def do_generator(self, who: int, name: int, block: Block, steps: Any) -> None:
        """Have a generator open a scope, which is left in whichever context."""

        def generate() -> Any:
            resolver = self.resolver(who)
            self.shim.asks(resolver)
            with resolver.scope(NAMES[name]) as scope:
                yield scope
                drive(self.block(block))
                yield "second"

        generator = generate()
        await self.steps(
            steps,
            enter=lambda: next(generator),
            exit=generator.close,
            throw=lambda error: generator.throw(ERRORS[error]()),
            keep=lambda: self.managers.append(generator),
        )

    async def do_by_hand(self, who: int, name: int, is_async: bool, steps: Any) -> None:
        """Take a context manager by the hand, in one context or in several."""
        resolver, manager = self.manager(who, name, is_async)
        enter = manager.__aenter__ if is_async else manager.__enter__
        leave = manager.__aexit__ if is_async else manager.__exit__

        def call(function: Any, *arguments: Any) -> Any:
            self.shim.asks(resolver)
            return function(*arguments)

        await self.steps(
            steps,
            enter=lambda: call(enter),
            exit=lambda: call(leave, None, None, None),
            throw=lambda error: call(leave, *raised(error)),
            keep=lambda: self.managers.append(manager),
        )

    async def steps(self, steps: Any, **calls: Callable[..., Any]) -> None:
        """Make the *calls* that *steps* name, some of them in another context."""
        calls["do"] = self.block
        for step, *operands in steps:
            if step == "in":
                kind, inner = operands
                run = partial(self.steps, [inner], **calls)
                await self.attempt(partial(self.context(kind).run, drive_call, run))
            else:
                await self.attempt(partial(calls[step], *operands))
            self.see()

    async def do_forget(self) -> None:
        self.managers.clear()

    async def do_raise(self, kind: int) -> None:
        raise ERRORS[kind]()

    async def do_try(self, block: Block, handler: Block, then: str) -> None:
        try:
            await self.block(block)
        except BaseException as error:
            self.fails(error)
            await self.block(handler)
            if then == "again":
                raise
            if then == "from":
                raise OwnError("from") from error

    # What scopes hold.

    async def do_resolve(self, who: int, which: int) -> None:
        await self.attempt(lambda: self.resolver(who).resolve(service.TYPES[which]))

    async def do_entry(self, who: int, kind: str, block: Block) -> None:
        if kind != "plain":
            self.shim.asks(self.graph(who))
        self.entered.append(block)
        try:
            await self.attempt(self.entries[who % len(self.entries)][kind])
        finally:
            self.entered.pop()

    # Contexts, threads and tasks.

    def in_context(self, kind: Any, block: Block) -> Callable[[], Any]:
        """Return a function that runs *block* in a context."""
        context = self.context(kind)

        def run() -> Any:
            # Here, since a StopIteration never comes back from a future.
            drive(self.attempt(lambda: context.run(drive_call, self.block, block)))

        return run

    async def do_context(self, kind: Any, block: Block) -> None:
        self.in_context(kind, block)()

    async def do_thread(self, kind: Any, block: Block) -> None:
        thread = threading.Thread(target=self.in_context(kind, block))
        thread.start()
        thread.join()

    async def do_executor(self, kind: Any, block: Block) -> None:
        loop = asyncio.get_running_loop()
        with JoinedPool(max_workers=1) as pool:
            await loop.run_in_executor(pool, self.in_context(kind, block))

    async def do_run(self, block: Block) -> None:
        await self.attempt(lambda: asyncio.run(self.main(block)))

    async def main(self, block: Block) -> None:
        """Run *block*, and end what it leaves in an order that one can tell."""
        asyncio.get_running_loop().set_exception_handler(self.on_loop_error)
        hooks, generators = sys.get_asyncgen_hooks(), []

        def begin(generator: Any) -> None:
            generators.append(ref(generator))
            assert hooks.firstiter is not None
            hooks.firstiter(generator)

        sys.set_asyncgen_hooks(firstiter=begin)
        await self.attempt(lambda: self.block(block))
        for task in self.tasks:
            task.cancel()
            await self.attempt(partial(asyncio.wait_for, task, None))
        self.tasks.clear()
        for begun in generators:
            if (generator := begun()) is not None:
                await self.attempt(generator.aclose)
            del generator

    def on_loop_error(self, _: Any, about: dict[str, Any]) -> None:
        self.note("the loop says", about["message"].partition("<")[0])
        if "exception" in about:
            self.note("of", about["exception"])

    async def task(self, block: Block) -> None:
        try:
            await self.block(block)
        except KeyboardInterrupt as error:  # it would end the loop
            self.fails(error)

    async def do_sleep(self) -> None:
        await asyncio.sleep(0)

    async def do_task(self, kind: Any, block: Block, steps: int, then: str) -> None:
        loop, context = asyncio.get_running_loop(), self.context(kind)
        task = context.run(lambda: loop.create_task(self.task(block)))
        for _ in range(steps):
            await asyncio.sleep(0)
        if then == "leave":
            self.tasks.append(task)
            return
        if then == "cancel":
            self.note("is cancelled", task.cancel())
        await self.attempt(lambda: task)


def drive_call(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call *function*, and drive the coroutine that it returns, if it does."""
    result = function(*arguments)
    return drive(result) if asyncio.iscoroutine(result) else result


def raised(error: int) -> tuple[Any, ...]:
    """Return an exception as ``__exit__`` gets it."""
    try:
        raise ERRORS[error]()
    except BaseException as caught:
        return type(caught), caught, caught.__traceback__

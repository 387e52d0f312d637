"""Runs programs, which are data, and traces what they see.

A program is a list of statements, a statement a tuple: what to do, and the
operands. ``drawing.py`` says which there are. What it needs is asked for by
number, and there is always something of every number.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AsyncExitStack, ExitStack
from contextvars import Context, ContextVar, copy_context
from functools import partial
from typing import Any, Callable, Optional, get_type_hints
from weakref import ref

import ididi.config
import ididi.errors
import ididi.graph
from ididi import Graph

from tests.differential import service
from tests.differential.trace import Trace
from tests.pythons import collect

Block = list[tuple[Any, ...]]

LIMIT = 150
"""Statements after which a program only unwinds: blocks run more than once."""

NAMES: tuple[Any, ...] = (
    "",
    "request",
    "outer",
    "inner",
    ididi.config.DefaultScopeName,
    7,
    None,
    ("a", 1),
    [],
)


class OwnError(Exception):
    """An error of the program's own."""


class OwnBaseError(BaseException):
    """What only a ``BaseException`` handler sees."""


def _make_group() -> BaseException:
    if sys.version_info < (3, 11):
        return OwnError("group")
    return ExceptionGroup("group", [ValueError(1), OwnError(2)])  # noqa: F821


ERRORS: tuple[Callable[[], BaseException], ...] = (
    lambda: OwnError("own", 1),
    lambda: OwnBaseError("base"),
    lambda: LookupError("not the variable"),
    lambda: AttributeError("_type_registry"),
    lambda: KeyError("key"),
    lambda: RuntimeError("generator didn't stop"),
    lambda: RuntimeError("generator raised StopIteration"),
    lambda: StopIteration("stop"),
    lambda: StopAsyncIteration("stop"),
    lambda: GeneratorExit("exit"),
    lambda: KeyboardInterrupt("interrupt"),
    lambda: SystemExit(3),
    lambda: asyncio.CancelledError("cancelled"),
    lambda: ididi.errors.OutOfScopeError("own"),
    _make_group,
)


EXAMINATIONS: tuple[Callable[[Any], Any], ...] = (
    inspect.signature,
    lambda function: inspect.signature(function, follow_wrapped=False),
    inspect.getfullargspec,
    lambda function: sorted(get_type_hints(function)),
    lambda function: function.__defaults__,
    lambda function: function.__kwdefaults__,
    lambda function: function.__annotations__,
    lambda function: (function.__name__, function.__qualname__, function.__module__),
    lambda function: function.__doc__,
    lambda function: inspect.isgeneratorfunction(inspect.unwrap(function)),
    lambda function: inspect.isasyncgenfunction(inspect.unwrap(function)),
    lambda function: inspect.iscoroutinefunction(function),
    type,
)
"""Ways to look at a method."""


class JoinedPool(ThreadPoolExecutor):
    """A thread pool that has done what it was given before it goes on.

    So what a program sees does not depend on which thread is faster.
    """

    def submit(self, *call: Any, **options: Any) -> Any:
        """Have a thread make the call, and wait until it has."""
        future = super().submit(*call, **options)
        wait([future])
        return future


def is_default(scope: Any) -> bool:
    """Tell whether *scope* is one that the building of a graph makes."""
    return scope.name == ididi.config.DefaultScopeName and not isinstance(
        getattr(scope, "pre", None), ididi.graph.Resolver
    )


_bare: ContextVar[Any] = ContextVar("bare", default=None)
"""The default scope that a context of a plain program stands on."""


class Program:
    """One run of a program.

    Args:
        graphs: how many graphs it starts with.
        empty: whether the contexts that it makes have no scope. If not, they
            are copies of the one that has built the graphs.
        adopt: whether to look after what the shim does where ididi can't: a
            context in which no scope has been opened stands on the default
            scope of the graph that is asked.
        anonymous: whether not to tell a default scope on which a context
            stands from none: a context that has none gets it in time.
    """

    def __init__(
        self, graphs: int, *, empty: bool, adopt: bool, anonymous: bool
    ) -> None:
        self.trace = Trace()
        self.graphs: list[Any] = []
        self.scopes: list[Any] = []
        self.contexts: list[Context] = []
        self.managers: list[Any] = []
        self.tasks: list[Any] = []
        self.errors: list[BaseException] = [OwnError("first")]
        self.statements = 0
        self._defaults: list[Any] = []
        self._entered: list[Callable[[], Any]] = []
        self._entries: list[dict[str, Any]] = []
        self._empty, self._adopt, self._anonymous = empty, adopt, anonymous
        self._pool = JoinedPool(max_workers=1)
        self._initial = graphs
        self._building = Context()

    # The frame of a program.

    def build(self) -> None:
        """Build the graphs, in the context that builds them."""
        for _ in range(self._initial):
            self._building.run(self.do_build)
        self._building.run(lambda: _bare.set(self.current()))
        self._built = self._building.copy()

    def run(self, block: Block) -> list[str]:
        """Run *block*; return what it has seen."""
        service.noted.append(self.note)
        sys.unraisablehook, unraisable = self._on_unraisable, sys.unraisablehook
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                warnings.showwarning = self._on_warning
                context = Context() if self._empty else self._building
                context.run(self.attempt, lambda: self.block(block))
                # What a program leaves behind, ends here.
                self.managers.clear()
                self.errors.clear()
                context.run(collect)
                self._pool.shutdown()
                for graph in self.graphs:
                    graph._workers.shutdown()
        finally:
            sys.unraisablehook = unraisable
            service.noted.pop()
        return self.trace.lines

    def note(self, *words: Any) -> None:
        """Add a line to the trace."""
        self.trace.note(*words)

    def current(self) -> Any:
        """Return the scope of the current context."""
        return ididi.graph._SCOPE_CONTEXT.get(None)

    def see(self) -> None:
        """Note the scope of the current context."""
        scope = self.current()
        if self._anonymous and (scope is None or is_default(scope)):
            self.note("sees a default scope or none")
        else:
            self.note("sees", scope)

    def block(self, block: Block) -> None:
        """Run the statements of *block*."""
        for action, *operands in block:
            self.statements += 1
            if self.statements > LIMIT:
                return
            self.note(f"{action}:")
            getattr(self, f"do_{action}")(*operands)
            self.see()

    async def ablock(self, block: Block) -> None:
        """Run the statements of *block* in a coroutine."""
        for action, *operands in block:
            self.statements += 1
            if self.statements > LIMIT:
                return
            self.note(f"{action}:")
            step = getattr(self, f"ado_{action}", None)
            if step is not None:
                await step(*operands)
            else:
                getattr(self, f"do_{action}")(*operands)
            self.see()

    def attempt(self, call: Callable[[], Any]) -> Any:
        """Make *call*, note what comes of it, and go on."""
        try:
            result = call()
        except BaseException as error:
            self.fails(error)
            return None
        self.returns(result)
        return result

    async def aattempt(self, call: Callable[[], Any]) -> Any:
        """Make *call* and wait for what it returns, note that, and go on."""
        try:
            result = await call()
        except BaseException as error:
            self.fails(error)
            return None
        self.returns(result)
        return result

    def fails(self, error: BaseException) -> None:
        """Note an exception, for later use."""
        self.errors.append(error)
        self.note("raises", error)

    def returns(self, result: Any) -> None:
        """Note what a call has returned."""
        if inspect.isgenerator(result) or inspect.isasyncgen(result):
            result = result.__qualname__
        if isinstance(result, contextlib.AbstractContextManager) and not isinstance(
            result, ididi.graph.Resolver
        ):
            result = type(result)
        if isinstance(result, ididi.graph.Resolver) and result not in self.graphs:
            self.meets(result)
        self.note("returns", result)

    def meets(self, scope: Any) -> None:
        """Remember *scope*."""
        if not any(each is scope for each in self.scopes):
            self.scopes.append(scope)

    def _on_unraisable(self, unraisable: Any) -> None:
        name = getattr(unraisable.object, "__qualname__", type(unraisable.object))
        self.note("can't raise", unraisable.exc_value, name)

    def _on_warning(self, message: Any, category: Any, *_: Any, **__: Any) -> None:
        self.note("warns", category, str(message))

    # What is asked for by number.

    def resolver(self, number: int) -> Any:
        """Return a graph, or if *number* is above three a scope, new ones first."""
        if number <= 3 or not self.scopes:
            return self.graphs[number % len(self.graphs)]
        return self.scopes[-(number - 3) % len(self.scopes)]

    def asked(self, resolver: Any) -> Any:
        """Prepare for a call that reads the variable for *resolver*."""
        if self._adopt and self.current() is _bare.get() is not None:
            for default in self._defaults:
                if default._workers is resolver._workers:
                    ididi.graph._SCOPE_CONTEXT.set(default)
                    _bare.set(default)
        return resolver

    def context(self, kind: Any) -> Context:
        """Return a context: a fresh one, a copy, or one that was made before."""
        if kind == "fresh":
            made = Context() if self._empty else self._built.copy()
        elif kind == "copied" or not self.contexts:
            made = copy_context()
        else:
            return self.contexts[kind % len(self.contexts)]
        self.contexts.append(made)
        return made

    def manager(self, method: str, resolver: Any, name: int, form: int = 0) -> Any:
        """Make a context manager of a scope of *resolver*."""
        names = NAMES[name]
        make = getattr(resolver, method)
        function = getattr(type(resolver), method)
        return (
            lambda: make(names),
            lambda: make(),
            lambda: make(name=names),
            lambda: function(resolver, names),
            lambda: function(self=resolver, name=names),
            lambda: make(nome=names),
            lambda: make(names, names),
            lambda: function(),
        )[form]()

    # Statements.

    def do_build(self) -> None:
        if len(self.graphs) < 4:
            graph = Graph(workers=JoinedPool(max_workers=1))
            self.graphs.append(graph)
            self._defaults.append(self.current())
            self.note("builds", graph)
            service.add_to(graph)
            self._entries.append(
                service.make_entries(graph, lambda: self._entered[-1]())
            )

    def do_use(self, who: int, name: int, form: int) -> None:
        resolver, names = self.asked(self.resolver(who)), NAMES[name]
        function = type(resolver).use_scope
        calls: tuple[Callable[[], Any], ...] = (
            lambda: resolver.use_scope(names),
            lambda: resolver.use_scope(),
            lambda: resolver.use_scope(name=names),
            lambda: resolver.use_scope(names, as_async=True),
            lambda: function(resolver, names),
            lambda: function(self=resolver, name=names),
            lambda: resolver.use_scope(names, True),
            lambda: resolver.use_scope(nome=names),
            lambda: function(),
        )
        self.attempt(calls[form])

    def do_with(self, who: int, name: int, form: int, block: Block) -> None:
        try:
            resolver = self.resolver(who)
            manager = self.manager("scope", resolver, name, form)
            self.asked(resolver)
            with manager as scope:
                self.returns(scope)
                self.block(block)
        except BaseException as error:
            self.fails(error)
            raise

    async def ado_with(self, who: int, name: int, form: int, block: Block) -> None:
        try:
            resolver = self.resolver(who)
            manager = self.manager("scope", resolver, name, form)
            self.asked(resolver)
            with manager as scope:
                self.returns(scope)
                await self.ablock(block)
        except BaseException as error:
            self.fails(error)
            raise

    async def ado_async_with(
        self, who: int, name: int, form: int, block: Block
    ) -> None:
        try:
            resolver = self.resolver(who)
            manager = self.manager("ascope", resolver, name, form)
            self.asked(resolver)
            async with manager as scope:
                self.returns(scope)
                await self.ablock(block)
        except BaseException as error:
            self.fails(error)
            raise

    def do_decorate(self, who: int, name: int, times: int, block: Block) -> None:
        resolver = self.resolver(who)

        @self.manager("scope", resolver, name)
        def function(word: str, *, option: int) -> str:
            """Do what it says."""
            self.note("is called", word, option)
            self.block(block)
            return word

        self.note("decorated", function.__name__, function.__doc__)
        for number in range(times):
            self.asked(resolver)
            self.attempt(lambda number=number: function("word", option=number))

    async def ado_async_decorate(
        self, who: int, name: int, times: int, block: Block
    ) -> None:
        resolver = self.resolver(who)
        manager = self.manager("ascope", resolver, name)
        if not callable(manager):
            # Before Python 3.10.
            return

        @manager
        async def function(word: str, *, option: int) -> str:
            self.note("is called", word, option)
            await self.ablock(block)
            return word

        for number in range(times):
            self.asked(resolver)
            await self.aattempt(lambda number=number: function("word", option=number))

    def do_stack(self, scopes: list[Any], leave: str, block: Block) -> None:
        try:
            with ExitStack() as stack:
                for who, name in scopes:
                    resolver = self.resolver(who)
                    manager = self.manager("scope", resolver, name)
                    self.asked(resolver)
                    self.returns(stack.enter_context(manager))
                stack.enter_context(service.reporting(leave == "suppress"))
                self.block(block)
                if leave == "close":
                    stack.close()
                elif leave == "later":
                    self.managers.append(stack.pop_all())
        except BaseException as error:
            self.fails(error)
            raise

    async def ado_async_stack(
        self, scopes: list[Any], leave: str, block: Block
    ) -> None:
        try:
            async with AsyncExitStack() as stack:
                for who, name in scopes:
                    resolver = self.resolver(who)
                    manager = self.manager("ascope", resolver, name)
                    self.asked(resolver)
                    self.returns(await stack.enter_async_context(manager))
                stack.enter_context(service.reporting(leave == "suppress"))
                await self.ablock(block)
                if leave == "close":
                    await stack.aclose()
                elif leave == "later":
                    self.managers.append(stack.pop_all())
        except BaseException as error:
            self.fails(error)
            raise

    def do_generator(self, who: int, name: int, block: Block, steps: list[Any]) -> None:
        def generate() -> Any:
            resolver = self.resolver(who)
            manager = self.manager("scope", resolver, name)
            self.asked(resolver)
            with manager as scope:
                got = yield scope
                self.note("gets", got)
                self.block(block)
                yield "second"
            return "third"

        generator = generate()
        calls: dict[str, Callable[..., Any]] = {
            "next": lambda: next(generator),
            "send": lambda: generator.send("sent"),
            "throw": lambda kind: generator.throw(ERRORS[kind]()),
            "close": lambda: generator.close(),
            "keep": lambda: self.managers.append(generator),
            "do": self.block,
        }
        for step, *operands in steps:
            self.attempt(partial(calls[step], *operands))

    async def ado_async_generator(
        self, who: int, name: int, block: Block, steps: list[Any]
    ) -> None:
        async def generate() -> Any:
            resolver = self.resolver(who)
            manager = self.manager("ascope", resolver, name)
            self.asked(resolver)
            async with manager as scope:
                got = yield scope
                self.note("gets", got)
                await self.ablock(block)
                yield "second"

        generator = generate()
        calls: dict[str, Callable[..., Any]] = {
            "next": lambda: generator.__anext__(),
            "send": lambda: generator.asend("sent"),
            "throw": lambda kind: generator.athrow(ERRORS[kind]()),
            "close": lambda: generator.aclose(),
            "do": self.ablock,
        }
        for step, *operands in steps:
            if step == "keep":
                self.managers.append(generator)
            else:
                await self.aattempt(partial(calls[step], *operands))

    def do_by_hand(self, who: int, name: int, form: int, steps: list[Any]) -> None:
        made: list[Any] = []
        resolver = self.resolver(who)

        def make() -> type:
            made.append(self.manager("scope", resolver, name, form))
            return type(made[0])

        self.attempt(make)
        if made:
            self._by_hand(made.pop(), resolver, steps)

    def _by_hand(self, manager: Any, resolver: Any, steps: list[Any]) -> None:
        calls: dict[str, Callable[..., Any]] = {
            "enter": lambda: manager.__enter__(),
            "exit": lambda: manager.__exit__(None, None, None),
            "exit after": lambda kind: self._exit(manager, kind),
            "exit oddly": lambda: manager.__exit__(OwnError, None, None),
            "next": lambda: next(manager.gen),
            "send": lambda: manager.gen.send(None),
            "throw": lambda kind: manager.gen.throw(ERRORS[kind]()),
            "close": lambda: manager.gen.close(),
            "again": lambda: manager._recreate_cm().__enter__(),
            "call": lambda: manager(self.see)(),
            "keep": lambda: self.managers.append(manager),
            "do": self.block,
            "in": lambda kind, step: self.context(kind).run(
                self._by_hand, manager, resolver, [step]
            ),
            "attributes": lambda: sorted(vars(manager)),
            "document": lambda: (manager.__doc__, type(manager).__name__),
        }
        for step, *operands in steps:
            self.asked(resolver)
            self.attempt(partial(calls[step], *operands))
            self.see()

    def _exit(self, manager: Any, kind: int) -> Any:
        try:
            raise ERRORS[kind]()
        except BaseException as error:
            return manager.__exit__(type(error), error, error.__traceback__)

    async def ado_async_by_hand(
        self, who: int, name: int, form: int, steps: list[Any]
    ) -> None:
        made: list[Any] = []
        resolver = self.resolver(who)

        def make() -> type:
            made.append(self.manager("ascope", resolver, name, form))
            return type(made[0])

        self.attempt(make)
        if not made:
            return
        manager = made.pop()
        calls: dict[str, Callable[..., Any]] = {
            "enter": lambda: manager.__aenter__(),
            "exit": lambda: manager.__aexit__(None, None, None),
            "exit after": lambda kind: self._aexit(manager, kind),
            "exit oddly": lambda: manager.__aexit__(OwnError, None, None),
            "next": lambda: manager.gen.__anext__(),
            "send": lambda: manager.gen.asend(None),
            "throw": lambda kind: manager.gen.athrow(ERRORS[kind]()),
            "close": lambda: manager.gen.aclose(),
            "again": lambda: manager._recreate_cm().__aenter__(),
            "do": self.ablock,
        }
        others: dict[str, Callable[[], Any]] = {
            "keep": lambda: self.managers.append(manager),
            "forget": lambda: self._forget(manager.__aenter__()),
            "step": lambda: self._step(manager.__aenter__()),
        }
        for step, *operands in steps:
            self.asked(resolver)
            if step in others:
                self.attempt(others[step])
            else:
                await self.aattempt(partial(calls[step], *operands))
            self.see()

    def _forget(self, coroutine: Any) -> tuple[str, str]:
        return coroutine.__name__, coroutine.__qualname__

    def _step(self, coroutine: Any) -> None:
        self.attempt(lambda: coroutine.send(None))
        coroutine.close()

    async def _aexit(self, manager: Any, kind: int) -> Any:
        try:
            raise ERRORS[kind]()
        except BaseException as error:
            return await manager.__aexit__(type(error), error, error.__traceback__)

    def do_forget(self) -> None:
        self.managers.clear()

    def do_collect(self) -> None:
        collect()

    def do_raise(self, kind: int, cause: Optional[int]) -> None:
        if cause is None:
            raise ERRORS[kind]()
        raise ERRORS[kind]() from ERRORS[cause]()

    def do_raise_again(self) -> None:
        raise self.errors[-1]

    def do_try(self, block: Block, handler: Block, last: Block, then: str) -> None:
        try:
            self.block(block)
        except BaseException as error:
            self.fails(error)
            self.block(handler)
            if then == "again":
                raise
            if then == "new":
                raise OwnError("new")  # noqa: B904
            if then == "from":
                raise OwnError("from") from error
            if then == "alone":
                raise OwnError("alone") from None
        finally:
            self.block(last)

    async def ado_try(
        self, block: Block, handler: Block, last: Block, then: str
    ) -> None:
        try:
            await self.ablock(block)
        except BaseException as error:
            self.fails(error)
            await self.ablock(handler)
            if then == "again":
                raise
            if then == "new":
                raise OwnError("new")  # noqa: B904
            if then == "from":
                raise OwnError("from") from error
            if then == "alone":
                raise OwnError("alone") from None
        finally:
            await self.ablock(last)

    # What scopes hold.

    def do_resolve(self, who: int, which: int) -> None:
        self.attempt(lambda: self.resolver(who).resolve(service.TYPES[which]))

    async def ado_resolve(self, who: int, which: int) -> None:
        async def resolve() -> Any:
            resolver, kind = self.resolver(who), service.TYPES[which]
            if isinstance(resolver, ididi.graph.AsyncScope):
                return await resolver.resolve(kind)
            return resolver.resolve(kind)

        await self.aattempt(resolve)

    def do_register(self, who: int, which: int) -> None:
        kinds: tuple[Any, ...] = service.Settings, service.Connection, OwnError
        instance = kinds[which]()
        resolver = self.resolver(who)
        self.attempt(lambda: resolver.register_singleton(instance))

    def do_remove(self, who: int) -> None:
        self.attempt(lambda: self.resolver(who).remove_singleton(service.Settings))

    def do_call_back(self, who: int, error: Optional[int]) -> None:
        async def call_back_async() -> None:
            call_back()

        def call_back() -> None:
            self.note("is called back")
            if error is not None:
                raise ERRORS[error]()

        scope = self.resolver(who)
        is_async = isinstance(scope, ididi.graph.AsyncScope)
        callback = call_back_async if is_async else call_back
        self.attempt(lambda: scope.register_exit_callback(callback))

    def do_hold(self, who: int, suppress: bool) -> None:
        held = service.reporting(suppress)
        self.attempt(lambda: self.resolver(who).enter_context(held))

    def do_leave(self, who: int) -> None:
        self.attempt(lambda: self.resolver(who).__exit__(None, None, None))

    async def ado_leave(self, who: int) -> None:
        async def leave() -> Any:
            scope = self.resolver(who)
            if isinstance(scope, ididi.graph.AsyncScope):
                return await scope.__aexit__(None, None, None)
            return scope.__exit__(None, None, None)

        await self.aattempt(leave)

    def do_merge(self, who: int, others: list[int]) -> None:
        graphs = [self.graphs[number % len(self.graphs)] for number in others]
        graph = self.graphs[who % len(self.graphs)]
        for other in graphs:
            self.asked(other)
        self.attempt(lambda: graph.merge(graphs if len(graphs) != 1 else graphs[0]))

    def do_entry(self, who: int, kind: str, block: Block) -> None:
        number = who % len(self.graphs)
        self.asked(self.graphs[number])
        self._entered.append(lambda: self.block(block))
        try:
            self.attempt(lambda: self._entries[number][kind]())
        finally:
            self._entered.pop()

    async def ado_async_entry(self, who: int, kind: str, block: Block) -> None:
        number = who % len(self.graphs)
        self.asked(self.graphs[number])
        self._entered.append(lambda: self.ablock(block))
        try:
            await self.aattempt(lambda: self._entries[number][f"async {kind}"]())
        finally:
            self._entered.pop()

    def do_put(self, who: int, block: Block) -> None:
        """Put a scope into the variable by hand, as programs do."""
        token = ididi.graph._SCOPE_CONTEXT.set(self.resolver(who))
        try:
            self.block(block)
        finally:
            ididi.graph._SCOPE_CONTEXT.reset(token)

    def do_examine(self, who: int, method: str, way: int) -> None:
        function = getattr(type(self.resolver(who)), method)
        self.attempt(lambda: str(EXAMINATIONS[way](function)))

    # Contexts, threads and tasks.

    def do_context(self, kind: Any, block: Block) -> None:
        context = self.context(kind)
        self.attempt(lambda: context.run(self.block, block))

    def do_thread(self, kind: Any, block: Block) -> None:
        context = self.context(kind)

        def run() -> None:
            self.attempt(lambda: context.run(self.block, block))

        thread = threading.Thread(target=run)
        thread.start()
        thread.join()

    def do_pool(self, kind: Any, block: Block) -> None:
        context = self.context(kind)
        with JoinedPool(max_workers=1) as pool:
            self.attempt(pool.submit(context.run, self.block, block).result)

    def do_run(self, block: Block) -> None:
        self.attempt(lambda: asyncio.run(self._main(block)))

    async def _main(self, block: Block) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._on_loop_error)
        hooks, generators = sys.get_asyncgen_hooks(), []

        def begin(generator: Any) -> None:
            generators.append(ref(generator))
            assert hooks.firstiter is not None
            hooks.firstiter(generator)

        sys.set_asyncgen_hooks(firstiter=begin)
        # An event loop ends what is left in any order, and itself with whoever
        # lets it see an interrupt.
        await self.aattempt(lambda: self.ablock(block))
        for task in self.tasks:
            task.cancel()
            await self.aattempt(lambda task=task: self._result(task))
        self.tasks.clear()
        for begun in generators:
            if (generator := begun()) is not None:
                await self.aattempt(generator.aclose)
            del generator

    async def _task(self, block: Block) -> None:
        try:
            await self.ablock(block)
        except (KeyboardInterrupt, SystemExit) as error:
            # They would end the loop.
            self.fails(error)

    async def _result(self, task: Any) -> Any:
        return await task

    def _on_loop_error(self, _: Any, about: dict[str, Any]) -> None:
        self.note("the loop says", about["message"].partition("<")[0])
        if "exception" in about:
            self.note("of", about["exception"])

    async def ado_sleep(self, steps: int) -> None:
        for _ in range(steps):
            await asyncio.sleep(0)

    async def ado_task(self, kind: Any, block: Block, steps: int, then: str) -> None:
        loop = asyncio.get_running_loop()
        try:
            task = self.context(kind).run(loop.create_task, self._task(block))
        except RuntimeError as error:
            # The context is entered already.
            self.fails(error)
            return
        for _ in range(steps):
            await asyncio.sleep(0)
        if then == "leave":
            self.tasks.append(task)
            return
        if then == "cancel":
            self.note("is cancelled", task.cancel())
        await self.aattempt(lambda: self._result(task))

    async def ado_gather(self, blocks: list[Block]) -> None:
        async def gather() -> Any:
            calls = [self._task(block) for block in blocks]
            return await asyncio.gather(*calls, return_exceptions=True)

        await self.aattempt(gather)

    async def ado_executor(self, kind: Any, block: Block) -> None:
        loop, context = asyncio.get_running_loop(), self.context(kind)

        def attempt() -> None:
            # Here: a StopIteration would never come back from the executor.
            self.attempt(lambda: context.run(self.block, block))

        async def execute() -> Any:
            return await loop.run_in_executor(self._pool, attempt)

        await self.aattempt(execute)

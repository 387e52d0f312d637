"""Proof of isolation: what a context says against what a connection did.

A :class:`Trail` goes with a connection in its ASGI scope, from hand to hand,
and notes each ididi scope that a stage opens. What ididi finds through the
context must be exactly that, object by object, and end at the graph's default
scope. Whoever gets another's scope, or too many, or none, is found out.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ididi.graph import Resolver

from lab.service.resources import default_scope, graph, ledger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ididi import AsyncScope, SyncScope
    from starlette.requests import HTTPConnection

    from lab.service.resources import R, Resource

KEY = "lab.trail"
"""Where the trail is in an ASGI scope."""


class IsolationError(AssertionError):
    """A context has something else than the stages of its connection opened."""


@dataclass(frozen=True)
class Caller:
    """Who called, as the middleware found out.

    Attributes:
        request: what the client calls this request, if it does.
    """

    request: str


class Trail:
    """What the stages of one connection have opened and not closed yet.

    Args:
        connection: identifies the connection, the same in all its branches.
        caller: who has opened the connection.
        scopes: what is open where this trail begins, outermost first.
    """

    def __init__(
        self,
        connection: object,
        caller: Caller,
        scopes: tuple[AsyncScope | SyncScope, ...] = (),
    ) -> None:
        self.connection = connection
        self.caller = caller
        self._scopes = list(scopes)
        self._resources: list[tuple[Resource, AsyncScope | SyncScope]] = []

    def branch(self, inherits: bool) -> Trail:
        """Return the trail of a thread or task that begins here.

        Args:
            inherits: whether it runs in a copy of this context, and not in an
                empty one.
        """
        scopes = tuple(self._scopes) if inherits else ()
        return Trail(self.connection, self.caller, scopes)

    @contextmanager
    def opened(self, scope: AsyncScope | SyncScope) -> Iterator[None]:
        """Note that a stage has opened *scope*, and check before and after."""
        self._scopes.append(scope)
        try:
            self.check()
            yield
            self.check()
        finally:
            self._scopes.remove(scope)

    def own(self, resource: R) -> R:
        """Note that *resource* was resolved in the innermost scope."""
        if resource.owner not in (None, self.connection):
            raise self._violation(f"has the resource of {resource.owner}")
        if not resource.is_open:
            raise self._violation(f"was given a closed {type(resource).__name__}")
        resource.owner = self.connection
        self._resources.append((resource, self._scopes[-1]))
        return resource

    def check(self) -> list[str]:
        """Check the context against this trail.

        Returns:
            The names of the scopes, innermost first.

        Raises:
            IsolationError: they are not what the stages have opened, or a
                resource is not as open as its scope.
        """
        found = chain(graph.use_scope())
        expected = [*reversed(self._scopes), default_scope]
        if [id(scope) for scope in found] != [id(scope) for scope in expected]:
            raise self._violation(f"has {names(found)}, opened {names(expected)}")
        for resource, scope in self._resources:
            if resource.is_open != any(scope is one for one in self._scopes):
                state = "is open" if resource.is_open else "was closed"
                raise self._violation(f"{type(resource).__name__} {state}")
        return names(found)

    async def answer(self) -> dict[str, Any]:
        """Return what the client is told: its own name, found through ididi."""
        scopes = self.check()
        caller = await graph.use_scope("connection", as_async=True).resolve(Caller)
        return {"request": caller.request, "scopes": scopes}

    def _violation(self, text: str) -> IsolationError:
        text = f"connection {self.connection} {text}"
        ledger.violation(text)
        return IsolationError(text)


def trail_of(connection: HTTPConnection) -> Trail:
    """Return the trail of a request or a websocket."""
    trail: Trail = connection.scope[KEY]
    return trail


def chain(scope: Any) -> list[Any]:
    """Return *scope* and all it is in, innermost first."""
    scopes = []
    while isinstance(scope, Resolver):
        scopes.append(scope)
        scope = scope.pre
    return scopes


def names(scopes: list[Any]) -> list[str]:
    """Return the names of *scopes* as text; the default scope's is an object."""
    return ["default" if one is default_scope else str(one.name) for one in scopes]

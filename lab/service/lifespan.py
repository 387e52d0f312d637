"""The lifespan: a scope and a resource for as long as the service runs."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypedDict

from lab.service.isolation import Trail
from lab.service.resources import KeyStore
from lab.service.wiring import graph

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fastapi import FastAPI


class State(TypedDict):
    """What the server puts into every connection's ASGI scope."""

    keys: KeyStore


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[State]:
    """Open the key store.

    The server runs this in a task of its own. What it does to its context,
    such as setting ididi's variable, no request ever sees: the key store goes
    to the requests through the ASGI scope.
    """
    trail = Trail("lifespan")
    async with graph.ascope("lifespan") as scope:
        with trail.opened(scope):
            yield {"keys": trail.own(await scope.resolve(KeyStore))}
    trail.check()

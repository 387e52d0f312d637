"""``POST /api/v1/token``: the route from the bug reports."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel

from examples.service.failures import WrongPasswordError
from examples.service.isolation import trail_of
from examples.service.middleware import Caller
from examples.service.resources import Audit, Session
from examples.service.signing import sign
from examples.service.wiring import graph

router = APIRouter()


class Credentials(BaseModel):
    """What a client sends to get a token."""

    username: str
    password: str


@router.post("/api/v1/token")
async def create(credentials: Credentials, request: Request) -> dict[str, Any]:
    """Return a token for a user who knows the password."""
    trail = trail_of(request.scope)
    async with graph.ascope("request") as scope:
        with trail.opened(scope):
            session = trail.own(await scope.resolve(Session))
            if not session.accepts(credentials.username, credentials.password):
                raise WrongPasswordError(credentials.username)
            # Resolving it again is asking for the same one; so is asking for
            # the scope by name.
            audit = trail.own(await scope.resolve(Audit))
            audit.write(f"token for {credentials.username}")
            caller = await graph.use_scope("connection").resolve(Caller)
            return {
                "access_token": sign(
                    {"sub": credentials.username}, request.state.keys.key
                ),
                "token_type": "bearer",
                "request": caller.request,
            }

"""To look inside: the two kinds of scope side by side, and the ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request

from examples.service.isolation import KEY, chain, names, trail_of
from examples.service.ledger import ledger
from examples.service.resources import Session
from examples.service.wiring import graph

if TYPE_CHECKING:
    from collections.abc import Mapping

router = APIRouter()

HIDDEN = "(hidden)"
_SECRETS = ("auth", "cookie", "key", "password", "secret", "session", "token")


@router.get("/debug")
async def debug(request: Request) -> dict[str, Any]:
    """Show the ASGI scope and the chain of ididi scopes of this request."""
    trail = trail_of(request.scope)
    async with graph.ascope("request") as scope:
        with trail.opened(scope):
            trail.own(await scope.resolve(Session))
            scopes = chain(graph.use_scope())
            return {
                "request": request.state.caller.request,
                "asgi_scope": shown(request.scope),
                "ididi_scopes": [
                    {"name": name, "type": type(one).__name__, "is": hex(id(one))}
                    for name, one in zip(names(scopes), scopes)
                ],
            }


@router.get("/ledger")
async def report() -> dict[str, Any]:
    """Show the ledger of the process that answers; opens no resource."""
    return ledger.report()


def shown(asgi: Mapping[str, Any]) -> dict[str, Any]:
    """Return what can be shown of an ASGI scope: no credentials.

    Of the query only what is not named like a secret, and of what the
    application and the framework have put in only what it is called.
    """
    plain = ("type", "http_version", "method", "scheme", "path", "client", "server")
    return {
        **{name: asgi[name] for name in plain if name in asgi},
        "query": [
            [name, _hidden(name, value)]
            for name, value in parse_qsl(asgi["query_string"].decode("latin-1"))
        ],
        "headers": [
            [name.decode("latin-1"), _hidden(name.decode("latin-1"), value)]
            for name, value in (
                (name, value.decode("latin-1")) for name, value in asgi["headers"]
            )
        ],
        "state": sorted(asgi["state"]),
        "others": sorted(
            name
            for name in asgi
            if name not in (*plain, "query_string", "headers", "state", KEY)
        ),
    }


def _hidden(name: str, value: str) -> str:
    is_secret = any(secret in name.lower() for secret in _SECRETS)
    return HIDDEN if is_secret else value

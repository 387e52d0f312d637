"""The token route as a lihil application: ``uvicorn lab.lihil_service:app``.

Here nobody opens a scope by hand. lihil opens one for each request whose
endpoint needs a resource, and fails as the other service does where the context
is empty.
"""

import os
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import Future
from typing import Any

from ididi.config import DefaultScopeName
from lihil import Lihil, Payload, Request, Route

from lab.service.ledger import ledger
from lab.service.resources import Session


async def open_session() -> AsyncGenerator[Session, None]:
    """Hold a session of the database for as long as a request's scope."""
    with ledger.holding(Session()) as session:
        yield session


class Credentials(Payload):
    """What a client sends to get a token."""

    username: str
    password: str


token = Route("/api/v1/token", deps=[open_session])
contexts = Route("/contexts", deps=[open_session])
books = Route("/ledger")


@token.post
async def create(
    credentials: Credentials, session: Session, request: Request
) -> dict[str, Any]:
    """Return a token for a user who knows the password."""
    called = claim(session, request)
    accepted = session.accepts(credentials.username, credentials.password)
    return {
        "access_token": "lihil" if accepted else None,
        "request": called,
        "worker": os.getpid(),
        "scopes": _names(app.graph.use_scope()),
    }


@contexts.get
async def in_thread(session: Session, request: Request) -> dict[str, Any]:
    """Open a scope in a thread of our own, in an empty context."""
    future: Future[list[str]] = Future()

    def run() -> None:
        try:
            # ididi 1.8.4 opens a scope here by itself, but finds none.
            app.graph.use_scope()
            with app.graph.scope("visit") as scope:
                future.set_result(_names(scope))
        except Exception as error:
            future.set_exception(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return {
        "request": claim(session, request),
        "scopes": {"threading.Thread": future.result()},
    }


@books.get
async def report() -> dict[str, Any]:
    """Show the ledger of the process that answers; opens no resource."""
    return ledger.report()


def claim(session: Session, request: Request) -> str:
    """Make *session* this request's own, and return what the request is called."""
    if session.owner is not None or not session.is_open:
        ledger.violation(f"{request.url} was given the session of {session.owner}")
    session.owner = request
    ledger.connection()
    return request.headers.get("x-request-id", "")


def _names(scope: Any) -> list[str]:
    names = []
    while hasattr(scope, "pre"):
        names.append("default" if scope.name == DefaultScopeName else str(scope.name))
        scope = scope.pre
    return names


app = Lihil(token, contexts, books)

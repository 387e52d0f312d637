"""A token service on FastAPI and ididi: ``uvicorn examples.service:app``.

Nothing here knows of ididi-scopefix. Where a server starts each request in an
empty context, every route fails with plain ididi, and works once the shim is
installed next to it.
"""

import hmac
import json
import secrets
import threading
from base64 import urlsafe_b64encode
from collections.abc import AsyncGenerator, Generator
from typing import Any

from fastapi import FastAPI, HTTPException
from ididi import Graph
from pydantic import BaseModel

# Built where the module is imported, as in most services. Requests run later, in
# contexts of their own.
graph = Graph()
app = FastAPI(title="Token service")

KEY = secrets.token_bytes()
PASSWORDS = {"ada": "analytical", "grace": "compiler"}


class Credentials(BaseModel):
    """What a client sends to get a token."""

    username: str
    password: str


class Session:
    """A session of the user database, for one request."""

    def __init__(self) -> None:
        self.is_open = True

    def accepts(self, credentials: Credentials) -> bool:
        """Tell whether the password is the user's."""
        expected = PASSWORDS.get(credentials.username, "")
        given = credentials.password
        return hmac.compare_digest(expected.encode(), given.encode())


class Audit:
    """What a request has done, written down when its scope ends."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        """Add a line."""
        self.lines.append(line)


class Signer:
    """Makes the tokens, with what its scope gives it."""

    def __init__(self, audit: Audit) -> None:
        self.audit = audit

    def token(self, username: str) -> str:
        """Return a token that says who *username* is."""
        claims = urlsafe_b64encode(json.dumps({"sub": username}).encode())
        signature = urlsafe_b64encode(hmac.digest(KEY, claims, "sha256"))
        self.audit.write(f"token for {username}")
        return (claims + b"." + signature).decode()


@graph.node
async def open_session() -> AsyncGenerator[Session, None]:
    """Hold a session open for as long as the scope that asks for it."""
    session = Session()
    yield session
    session.is_open = False


@graph.node(reuse=True)
def open_audit() -> Generator[Audit, None, None]:
    """Share one audit trail with all that the scope resolves."""
    audit = Audit()
    yield audit
    audit.lines.clear()


@app.get("/health")
async def health() -> dict[str, str]:
    """Answer without any scope: for who waits until the server is up."""
    return {"status": "ok"}


@app.post("/api/v1/token")
async def create_token(credentials: Credentials) -> dict[str, str]:
    """Return a token for a user who knows the password."""
    async with graph.ascope("request") as scope:
        session = await scope.resolve(Session)
        if not session.accepts(credentials):
            raise HTTPException(401, "wrong username or password")
        signer = await scope.resolve(Signer)
        return {
            "access_token": signer.token(credentials.username),
            "token_type": "bearer",
        }


@app.get("/scope")
async def current_scope() -> dict[str, str]:
    """Name the scope that a request finds before it has opened one."""
    return {"scope": str(graph.use_scope().name)}


@app.get("/report")
def report() -> dict[str, Any]:
    """Work in a thread, which has an empty context whatever the server does."""
    lines: list[str] = []

    def work() -> None:
        with graph.scope("report") as scope:
            audit = scope.resolve(Audit)
            audit.write("counted the users")
            lines.extend(audit.lines)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return {"lines": lines, "users": len(PASSWORDS)}

"""The application: ``uvicorn examples.service.app:app``."""

from __future__ import annotations

from fastapi import FastAPI

# Importing it is all. Here for everyone to see; where its start-up file is
# installed it has happened already, and this changes nothing.
import ididi_scopefix  # noqa: F401
from examples.service import (
    contexts,
    debug,
    failures,
    routes,
    streaming,
    tokens,
    websocket,
)
from examples.service.lifespan import lifespan
from examples.service.middleware import ConnectionScope

app = FastAPI(title="Token service", lifespan=lifespan)
app.add_middleware(ConnectionScope)
for part in (
    tokens,
    routes,
    streaming,
    websocket,
    failures,
    contexts,
    debug,
):
    app.include_router(part.router)
failures.handle(app)

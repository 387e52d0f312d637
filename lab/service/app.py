"""The application: ``uvicorn lab.service.app:app``."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from lab.service import contexts, failures, routes, streaming
from lab.service.ledger import ledger
from lab.service.lifespan import lifespan
from lab.service.middleware import ConnectionScope

app = FastAPI(title="Token service", lifespan=lifespan)
app.add_middleware(ConnectionScope)
for part in (routes, streaming, failures, contexts):
    app.include_router(part.router)
failures.handle(app)


@app.get("/ledger")
async def report() -> dict[str, Any]:
    """Show the ledger of the process that answers; opens no resource."""
    return ledger.report()

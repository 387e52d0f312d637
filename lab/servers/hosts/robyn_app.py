"""For Robyn, a framework with a server of its own, written in Rust."""

from __future__ import annotations

import sys

from robyn import Request, Response, Robyn

from lab.servers.hosts import wiring

app = Robyn(__file__)
app.startup_handler(lambda: wiring.reach(wiring.LIFESPAN))


@app.get("/visit")
async def visit(request: Request) -> Response:
    """Serve one request."""
    body = await wiring.avisit(request.headers.get("x-request-id"))
    return Response(200, {}, body)


if __name__ == "__main__":
    app.start(host="127.0.0.1", port=int(sys.argv[1]))

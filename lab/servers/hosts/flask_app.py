"""For Flask's own server: ``flask --app lab.servers.hosts.flask_app run``."""

from __future__ import annotations

from flask import Flask, request

from lab.servers.hosts import wiring

app = Flask(__name__)


@app.get("/visit")
def visit() -> bytes:
    """Serve one request."""
    return wiring.visit(request.headers["x-request-id"])

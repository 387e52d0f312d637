"""For any WSGI server: ``waitress lab.servers.hosts.wsgi:app``."""

from __future__ import annotations

from typing import Any

from lab.servers.hosts import wiring


def app(environ: Any, start_response: Any) -> list[bytes]:
    """Serve one request."""
    status, body = "404 Not Found", b""
    if environ["PATH_INFO"] == "/visit":
        status, body = "200 OK", wiring.visit(environ["HTTP_X_REQUEST_ID"])
    start_response(status, [("Content-Length", str(len(body)))])
    return [body]

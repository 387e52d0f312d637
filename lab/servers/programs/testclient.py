"""The service in-process, under Starlette's ``TestClient``."""

from __future__ import annotations

from starlette.testclient import TestClient

from lab.servers.traffic import ROUTES
from lab.service.app import app
from lab.service.resources import ledger


def main() -> None:
    """Go through every route, twice, as a test suite does."""
    for _ in range(2):
        with TestClient(app) as client:
            for path, status in ROUTES:
                answer = client.get(path, headers={"x-request-id": path})
                assert answer.status_code == status, (path, answer.text)
                assert answer.json()["request"] == path
            assert client.get("/stream?chunks=3").text.split() == ["0", "1", "2"]
            headers = {"x-request-id": "socket"}
            with client.websocket_connect("/ws", headers=headers) as socket:
                socket.send_text("hello")
                assert socket.receive_json()["request"] == "socket"
        assert ledger.report()["open"] == {}
    assert ledger.report()["violations"] == []


if __name__ == "__main__":
    main()

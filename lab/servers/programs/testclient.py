"""The example service under Starlette's ``TestClient``."""

from __future__ import annotations

from starlette.testclient import TestClient

from lab.servers.traffic import ROUTES
from lab.service.app import app
from lab.service.failures import BrokenServiceError
from lab.service.ledger import ledger


def main() -> None:
    """Go through every route, twice, as a test suite does."""
    for _ in range(2):
        with TestClient(app) as client:
            for method, path, content, status in ROUTES:
                name = f"{method} {path}"
                try:
                    answer = client.request(
                        method, path, json=content, headers={"x-request-id": name}
                    )
                except BrokenServiceError:
                    # The client raises what the service's own handlers let pass.
                    assert status == 500
                    continue
                assert answer.status_code == status, (path, answer.text)
                assert answer.json()["request"] == name
            assert client.get("/stream?chunks=3").text.split() == ["0", "1", "2"]
            headers = {"x-request-id": "socket"}
            with client.websocket_connect("/ws", headers=headers) as socket:
                socket.send_text("hello")
                assert socket.receive_json()["request"] == "socket"
            assert ledger.report()["open"] == {"KeyStore": 1}
        assert ledger.report()["open"] == {}
    assert ledger.report()["violations"] == 0


if __name__ == "__main__":
    main()

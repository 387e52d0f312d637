"""asgiref's ``async_to_sync`` in threads: an event loop where its caller has none."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

from asgiref.sync import async_to_sync

from lab.servers.hosts import wiring


def main() -> None:
    """Call what a request does from the threads of a pool, as Django's code can."""
    names = [f"request-{number}" for number in range(50)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(map(json.loads, pool.map(async_to_sync(wiring.avisit), names)))
    assert [answer["request"] for answer in answers] == names
    for answer in answers:
        assert answer["scopes"] == ["request", "connection", "default"]


if __name__ == "__main__":
    main()

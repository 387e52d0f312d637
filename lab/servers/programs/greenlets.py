"""gevent, with everything monkey-patched: each greenlet has its own context."""

from gevent import monkey

monkey.patch_all()

from concurrent.futures import ThreadPoolExecutor

import gevent
import gevent.pool

from lab.servers.programs.isolated import work


def pause() -> None:
    """Let all the other greenlets go on."""
    gevent.sleep(0)


def main() -> None:
    """Work in many greenlets, then in threads, which are greenlets as well."""
    greenlets = [gevent.spawn(work, pause) for _ in range(200)]
    gevent.joinall(greenlets, timeout=60, raise_error=True)
    assert all(greenlet.successful() for greenlet in greenlets)

    pool = gevent.pool.Pool(10)
    for _ in range(100):
        pool.spawn(work, pause)
    assert pool.join(timeout=60)

    with ThreadPoolExecutor(4) as executor:
        for future in [executor.submit(work, pause) for _ in range(20)]:
            future.result(60)


if __name__ == "__main__":
    main()

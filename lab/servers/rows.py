"""The table: which servers and programs are tried, and what they need.

The sessions of ``noxfile.py`` make the environments, and the tests run the rows
of the environment that they find themselves in. To try another server, add a
row. Nothing is imported here but the standard library.
"""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE = "SCOPEFIX_SERVERS"
"""Names the environment that the tests run in; without it they don't."""

SUBSET = "SCOPEFIX_SERVERS_SUBSET"
"""Restricts them, if it is set, to the rows that differ in kind."""

REQUESTS = "SCOPEFIX_SERVERS_REQUESTS"
"""How many requests an attack on a server has; without it, as many as CI has
the time for."""

FASTAPI = "lab.service.app:app"
LIHIL = "lab.lihil_service:app"
ASGI = "lab.servers.hosts.asgi:app"
WSGI = "lab.servers.hosts.wsgi:app"
EXPOSED = "lab.servers.hosts.exposed:app"
EXPOSED_LIHIL = "lab.servers.hosts.exposed_lihil:app"
ISOLATED = "lab.servers.hosts.isolated:app"


class Environment(NamedTuple):
    """Packages that are installed together.

    Attributes:
        requirements: what is installed next to ididi-scopefix and pytest.
        python: the oldest Python that all of them support.
    """

    requirements: tuple[str, ...]
    python: tuple[int, int] = (3, 10)


_SERVICE = ("fastapi", "ididi==1.8.2", "websockets")
_SPEEDUPS = ("httptools", "uvloop")
_GUNICORN = ("gunicorn", "uvicorn-worker")

ENVIRONMENTS = {
    "uvicorn-0.38.0": Environment((*_SERVICE, *_SPEEDUPS, "uvicorn==0.38.0"), (3, 9)),
    "uvicorn-0.40.0": Environment(
        (*_SERVICE, *_SPEEDUPS, *_GUNICORN, "uvicorn==0.40.0")
    ),
    "uvicorn-0.44.0": Environment((*_SERVICE, *_SPEEDUPS, "uvicorn==0.44.0")),
    "uvicorn-newest": Environment(
        (*_SERVICE, *_SPEEDUPS, *_GUNICORN, "uvicorn>=0.45.0")
    ),
    "others": Environment(
        (*_SERVICE, "daphne", "granian", "gunicorn", "hypercorn", "uvloop")
    ),
    "threads": Environment(
        (
            *("ididi==1.8.2", "django", "flask", "granian", "gunicorn", "hypercorn"),
            *("robyn", "waitress"),
        )
    ),
    **{
        f"lihil-{lihil}-uvicorn-{uvicorn}": Environment(
            (
                "lihil" if lihil == "newest" else f"lihil=={lihil}",
                "uvicorn>=0.45.0" if uvicorn == "newest" else f"uvicorn=={uvicorn}",
                "websockets",
            )
        )
        for lihil in ("0.2.38", "newest")
        for uvicorn in ("0.40.0", "newest")
    },
    "in-process": Environment(
        (
            *("fastapi", "ididi==1.8.2", "anyio", "asgiref", "httpx", "mangum"),
            *("nbclient", "ipykernel", "pytest-asyncio"),
        ),
        (3, 9),
    ),
    "outside-http": Environment(
        ("ididi==1.8.2", "apscheduler<4", "celery", "dramatiq", "gevent"), (3, 9)
    ),
}


class Server(NamedTuple):
    """A server, as somebody starts it.

    Attributes:
        name: what the test is called.
        environment: where it is installed.
        command: its arguments after ``python -m``.
        without: the status of ``POST /api/v1/token`` without the shim.
        workers: how many processes answer.
        subset: whether it differs in kind from the rows before it.
        logs: whether it logs what an application raises after it has answered.
    """

    name: str
    environment: str
    command: tuple[str, ...]
    without: int
    workers: int = 1
    subset: bool = False
    logs: bool = True


def _uvicorn(*options: str, app: str = FASTAPI) -> tuple[str, ...]:
    address = ("--host", "127.0.0.1", "--port", "{port}")
    return ("uvicorn", app, *address, "--log-level", "warning", *options)


def _gunicorn(
    *options: str, app: str = FASTAPI, worker: str = "uvicorn_worker.UvicornWorker"
) -> tuple[str, ...]:
    address = ("--bind", "127.0.0.1:{port}")
    return ("gunicorn", app, *address, "--worker-class", worker, *options)


def _hypercorn(*options: str, app: str = FASTAPI) -> tuple[str, ...]:
    return ("hypercorn", app, "--bind", "127.0.0.1:{port}", *options)


def _granian(
    *options: str, app: str = FASTAPI, interface: str = "asgi"
) -> tuple[str, ...]:
    address = ("--host", "127.0.0.1", "--port", "{port}")
    return ("granian", app, "--interface", interface, *address, *options)


def _daphne(app: str) -> tuple[str, ...]:
    address = ("--bind", "127.0.0.1", "--port", "{port}")
    return ("daphne", *address, "--verbosity", "0", app)


_PLAIN = ("--loop", "asyncio", "--http", "h11")
_FAST = ("--loop", "uvloop", "--http", "httptools")
_TWO = ("--workers", "2")
_RESET = ("--reset-contextvars",)

SERVERS = (
    Server("one worker", "uvicorn-0.38.0", _uvicorn(*_PLAIN), 200),
    Server("two workers", "uvicorn-0.38.0", _uvicorn(*_FAST, *_TWO), 200, 2),
    Server(
        "asyncio, h11", "uvicorn-0.40.0", _uvicorn(*_PLAIN), without=500, subset=True
    ),
    Server(
        "asyncio, httptools",
        "uvicorn-0.40.0",
        _uvicorn("--loop", "asyncio", "--http", "httptools"),
        without=500,
    ),
    Server(
        "uvloop, h11",
        "uvicorn-0.40.0",
        _uvicorn("--loop", "uvloop", "--http", "h11"),
        without=500,
    ),
    Server("uvloop, httptools", "uvicorn-0.40.0", _uvicorn(*_FAST), without=500),
    Server(
        "two workers",
        "uvicorn-0.40.0",
        _uvicorn(*_FAST, *_TWO),
        without=500,
        workers=2,
        subset=True,
    ),
    Server("gunicorn", "uvicorn-0.40.0", _gunicorn(*_TWO), without=500, workers=2),
    Server(
        "gunicorn --preload",
        "uvicorn-0.40.0",
        _gunicorn(*_TWO, "--preload"),
        without=500,
        workers=2,
        subset=True,
    ),
    Server("one worker", "uvicorn-0.44.0", _uvicorn(*_PLAIN), without=500),
    Server(
        "two workers",
        "uvicorn-0.44.0",
        _uvicorn(*_FAST, *_TWO),
        without=500,
        workers=2,
    ),
    Server("one worker", "uvicorn-newest", _uvicorn(*_PLAIN), 200, subset=True),
    Server("two workers", "uvicorn-newest", _uvicorn(*_FAST, *_TWO), 200, 2),
    Server(
        "--reset-contextvars",
        "uvicorn-newest",
        _uvicorn(*_PLAIN, *_RESET),
        without=500,
        subset=True,
    ),
    Server(
        "--reset-contextvars, two workers",
        "uvicorn-newest",
        _uvicorn(*_FAST, *_TWO, *_RESET),
        without=500,
        workers=2,
    ),
    Server("gunicorn", "uvicorn-newest", _gunicorn(*_TWO), 200, 2),
    Server(
        "gunicorn --preload", "uvicorn-newest", _gunicorn(*_TWO, "--preload"), 200, 2
    ),
    Server("hypercorn", "others", _hypercorn(), 200, subset=True),
    Server(
        "hypercorn, two workers",
        "others",
        _hypercorn(*_TWO, "--worker-class", "uvloop"),
        200,
        2,
    ),
    Server("granian", "others", _granian(), 200, subset=True),
    Server(
        "granian, two workers", "others", _granian(*_TWO, "--loop", "uvloop"), 200, 2
    ),
    Server(
        "gunicorn's asgi worker",
        "others",
        _gunicorn(worker="asgi"),
        200,
        subset=True,
        logs=False,
    ),
    Server(
        "lihil",
        "lihil-0.2.38-uvicorn-0.40.0",
        _uvicorn(app=LIHIL),
        without=500,
        subset=True,
    ),
    Server(
        "lihil, two workers",
        "lihil-0.2.38-uvicorn-0.40.0",
        _uvicorn(*_TWO, app=LIHIL),
        without=500,
        workers=2,
    ),
    Server("lihil", "lihil-0.2.38-uvicorn-newest", _uvicorn(app=LIHIL), 200),
    Server(
        "lihil --reset-contextvars",
        "lihil-0.2.38-uvicorn-newest",
        _uvicorn(*_RESET, app=LIHIL),
        without=500,
    ),
    # It brings ididi 1.8.4, which fails only later in the request.
    Server("lihil", "lihil-newest-uvicorn-0.40.0", _uvicorn(app=LIHIL), 200),
    Server("lihil", "lihil-newest-uvicorn-newest", _uvicorn(app=LIHIL), 200),
)


class Host(NamedTuple):
    """A server with the small application of ``lab/servers/hosts``.

    Attributes:
        name: what the test is called.
        environment: where it is installed.
        command: its arguments after ``python -m``.
        without: the statuses of the first request, and of each one after it,
            without the shim.
        built: when the graph is built, one of ``MOMENTS``.
        path: what is asked for.
        subset: whether it differs in kind from the rows before it.
        ends: whether it ends on SIGTERM.
    """

    name: str
    environment: str
    command: tuple[str, ...]
    without: tuple[int, int]
    built: str = "import"
    path: str = "/visit"
    subset: bool = False
    ends: bool = True


MOMENTS = ("import", "lifespan", "first request")
"""When a graph is built, as ``lab.servers.hosts.wiring`` says."""

_HOSTS = "lab.servers.hosts"
_NEVER, _ALWAYS = (500, 500), (200, 200)
_ONLY_FIRST = (200, 500)
"""The first request builds the graph, in a context that no other one has."""


def _late(
    name: str,
    environment: str,
    command: tuple[str, ...],
    has_lifespan: bool = True,
    ends: bool = True,
) -> tuple[Host, ...]:
    """Return the rows of a server whose application builds its graph late."""
    lifespan = Host(
        f"{name}, graph built in the lifespan",
        environment,
        command,
        _NEVER,
        "lifespan",
        ends=ends,
    )
    first = lifespan._replace(
        name=f"{name}, graph built by the first request",
        without=_ONLY_FIRST,
        built="first request",
        subset=True,
    )
    return (lifespan, first) if has_lifespan else (first,)


HOSTS = (
    Host(
        "gunicorn sync", "threads", _gunicorn(app=WSGI, worker="sync"), without=_ALWAYS
    ),
    # One request after the other, all in one context.
    Host(
        "gunicorn sync, graph built by the first request",
        "threads",
        _gunicorn(app=WSGI, worker="sync"),
        without=_ALWAYS,
        built="first request",
    ),
    Host(
        "gunicorn gthread",
        "threads",
        _gunicorn("--threads", "4", app=WSGI, worker="gthread"),
        without=_NEVER,
        subset=True,
    ),
    Host(
        "waitress",
        "threads",
        ("waitress", "--listen", "127.0.0.1:{port}", WSGI),
        without=_NEVER,
        subset=True,
    ),
    Host("hypercorn, WSGI", "threads", _hypercorn(app=f"wsgi:{WSGI}"), without=_NEVER),
    Host(
        "granian, WSGI",
        "threads",
        _granian("--blocking-threads", "4", app=WSGI, interface="wsgi"),
        without=_NEVER,
        subset=True,
    ),
    Host(
        "Flask's server",
        "threads",
        (
            *("flask", "--app", f"{_HOSTS}.flask_app", "run"),
            *("--host", "127.0.0.1", "--port", "{port}"),
        ),
        without=_NEVER,
    ),
    Host(
        "Django's runserver",
        "threads",
        (f"{_HOSTS}.django_app", "runserver", "--noreload", "127.0.0.1:{port}"),
        without=_NEVER,
    ),
    Host(
        "Robyn",
        "threads",
        (f"{_HOSTS}.robyn_app", "{port}"),
        without=_NEVER,
        subset=True,
        # It stops to serve then, and goes on to run.
        ends=False,
    ),
    Host(
        "Robyn, sync handler",
        "threads",
        (f"{_HOSTS}.robyn_app", "{port}"),
        without=_NEVER,
        path="/visit-in-thread",
        ends=False,
    ),
    *_late("Robyn", "threads", (f"{_HOSTS}.robyn_app", "{port}"), ends=False),
    Host("daphne", "others", _daphne(ASGI), without=_ALWAYS, subset=True),
    *_late("daphne", "others", _daphne(ASGI), has_lifespan=False),
    *_late("hypercorn", "others", _hypercorn(app=ASGI)),
    *_late("granian", "others", _granian(app=ASGI)),
    *_late("gunicorn's asgi worker", "others", _gunicorn(app=ASGI, worker="asgi")),
    *_late("uvicorn", "uvicorn-0.38.0", _uvicorn(*_PLAIN, app=ASGI)),
    *_late("uvicorn", "uvicorn-0.40.0", _uvicorn(*_PLAIN, app=ASGI)),
    *_late("uvicorn", "uvicorn-0.44.0", _uvicorn(*_PLAIN, app=ASGI)),
    *_late("uvicorn", "uvicorn-newest", _uvicorn(*_PLAIN, app=ASGI)),
    *_late(
        "uvicorn --reset-contextvars",
        "uvicorn-newest",
        _uvicorn(*_PLAIN, *_RESET, app=ASGI),
    ),
)


class Exposed(NamedTuple):
    """A server whose requests tell what they find of other requests.

    Attributes:
        name: what the test is called.
        environment: where it is installed.
        command: its arguments after ``python -m``.
        leaks: through which of the attacks a request finds the scope of
            another, with the shim as without.
        without: what a request is answered without the shim.
        subset: whether it differs in kind from the rows before it.
    """

    name: str
    environment: str
    command: tuple[str, ...]
    leaks: tuple[str, ...] = ()
    without: int = 200
    subset: bool = False


PIPELINED, LARGE_BODY = "pipelined", "large body"
"""The attacks: requests that are sent before the one before them is answered; one
that follows a large body."""

PIPELINED_WEBSOCKET, WEBSOCKET = "pipelined websocket", "websocket"
WEBSOCKETS = (PIPELINED_WEBSOCKET, WEBSOCKET)
"""The same with a websocket as the last one."""


EMPTY_CONTEXTS = ("uvicorn-0.40.0", "uvicorn-0.44.0")
"""The environments whose uvicorn starts requests in empty contexts."""


def _exposed(*options: str, app: str = EXPOSED) -> tuple[str, ...]:
    # Only the client closes connections.
    return _uvicorn(*options, "--timeout-keep-alive", "600", app=app)


def _combinations(environment: str, *options: str) -> Iterator[Exposed]:
    """Yield the rows of a release of uvicorn, with each loop and each parser."""
    name = " ".join(("uvicorn", *options))
    for loop, parser in itertools.product(("asyncio", "uvloop"), ("h11", "httptools")):
        leaks = {
            # httptools makes the task of a pipelined request from the one before.
            PIPELINED: not options
            and (parser == "httptools" or environment not in EMPTY_CONTEXTS),
            # uvloop goes on to read a large body in the context of the server.
            LARGE_BODY: not options
            and (loop == "asyncio" and environment not in EMPTY_CONTEXTS),
            # Websockets don't depend on the release.
            PIPELINED_WEBSOCKET: parser == "h11",
            WEBSOCKET: loop == "asyncio",
        }
        yield Exposed(
            f"{name}, {loop} and {parser}",
            environment,
            _exposed("--loop", loop, "--http", parser, *options),
            tuple(kind for kind, is_found in leaks.items() if is_found),
            without=500 if options or environment in EMPTY_CONTEXTS else 200,
            subset=(environment, loop, parser, options) in _DIFFERENT,
        )


_DIFFERENT = (
    ("uvicorn-0.40.0", "uvloop", "httptools", ()),
    ("uvicorn-newest", "asyncio", "h11", ()),
    ("uvicorn-newest", "asyncio", "h11", _RESET),
    ("uvicorn-newest", "uvloop", "httptools", _RESET),
)

EXPOSED_SERVERS = (
    *_combinations("uvicorn-0.38.0"),
    *_combinations("uvicorn-0.40.0"),
    *_combinations("uvicorn-0.44.0"),
    *_combinations("uvicorn-newest"),
    *_combinations("uvicorn-newest", *_RESET),
    *(
        Exposed(
            f"uvicorn, {loop} and {parser}, EmptyContext",
            environment,
            _exposed("--loop", loop, "--http", parser, app=ISOLATED),
            without=500,
            subset=environment == "uvicorn-0.38.0" and parser == "h11",
        )
        for environment, loop, parser in (
            ("uvicorn-0.38.0", "asyncio", "h11"),
            ("uvicorn-0.38.0", "uvloop", "httptools"),
            ("uvicorn-0.40.0", "uvloop", "httptools"),
            ("uvicorn-0.44.0", "uvloop", "httptools"),
            ("uvicorn-newest", "asyncio", "h11"),
        )
    ),
    Exposed(
        "daphne",
        "others",
        _daphne(EXPOSED),
        (PIPELINED, PIPELINED_WEBSOCKET),
        subset=True,
    ),
    Exposed(
        "daphne, EmptyContext", "others", _daphne(ISOLATED), without=500, subset=True
    ),
    Exposed("hypercorn", "others", _hypercorn("--keep-alive", "600", app=EXPOSED)),
    Exposed("granian", "others", _granian(app=EXPOSED)),
    Exposed(
        "gunicorn's asgi worker",
        "others",
        _gunicorn("--keep-alive", "600", app=EXPOSED, worker="asgi"),
    ),
    # The newest lihil brings ididi 1.8.4.
    Exposed(
        "ididi 1.8.4 on uvicorn",
        "lihil-newest-uvicorn-newest",
        _exposed(*_PLAIN),
        (PIPELINED, LARGE_BODY, *WEBSOCKETS),
    ),
    Exposed(
        "lihil on uvicorn",
        "lihil-newest-uvicorn-newest",
        _exposed(*_PLAIN, app=EXPOSED_LIHIL),
        (PIPELINED, LARGE_BODY),
        subset=True,
    ),
    Exposed(
        "lihil on uvicorn --reset-contextvars",
        "lihil-newest-uvicorn-newest",
        _exposed(*_PLAIN, *_RESET, app=EXPOSED_LIHIL),
        without=500,
        subset=True,
    ),
)


class Program(NamedTuple):
    """A program that opens scopes without a server, and ends by itself.

    All of them are broken without the shim.

    Attributes:
        command: its arguments after ``python -m``.
        subset: whether it differs in kind from the rows before it.
        workers: whether it prints ``worker`` and the id of each process that
            has worked.
    """

    name: str
    environment: str
    command: tuple[str, ...]
    subset: bool = False
    workers: bool = False


_PROGRAMS = "lab.servers.programs"


def _pytest(*plugin: str) -> tuple[str, ...]:
    # Without the conftest of these tests, which switches the shim on.
    options = ("--noconftest", "--quiet", "-p", "no:cacheprovider")
    # None of the project's own settings, which are not made for plugins.
    options += ("-c", os.devnull, "--rootdir", ".")
    return ("pytest", *options, *plugin, "lab/servers/programs/fixture_in_task.py")


PROGRAMS = (
    Program("TestClient", "in-process", (f"{_PROGRAMS}.testclient",), subset=True),
    Program(
        "ASGITransport", "in-process", (f"{_PROGRAMS}.asgi_transport",), subset=True
    ),
    Program(
        "pytest-asyncio",
        "in-process",
        _pytest("-p", "no:anyio", "--asyncio-mode", "auto"),
        subset=True,
    ),
    Program("anyio's plugin", "in-process", _pytest("-p", "no:asyncio")),
    Program("gevent", "outside-http", (f"{_PROGRAMS}.greenlets",), subset=True),
    *(
        Program(
            method,
            "outside-http",
            (f"{_PROGRAMS}.processes", method),
            subset=method == "fork",
            workers=True,
        )
        for method in ("spawn", "fork", "forkserver")
    ),
    Program("APScheduler", "outside-http", (f"{_PROGRAMS}.scheduler",)),
    Program("Celery", "outside-http", (f"{_PROGRAMS}.celery_worker",), subset=True),
    Program(
        "Celery, prefork",
        "outside-http",
        (f"{_PROGRAMS}.celery_prefork",),
        subset=True,
        workers=True,
    ),
    Program("dramatiq", "outside-http", (f"{_PROGRAMS}.dramatiq_worker", "threads")),
    Program(
        "dramatiq's AsyncIO",
        "outside-http",
        (f"{_PROGRAMS}.dramatiq_worker", "asyncio"),
        subset=True,
    ),
    Program("Mangum", "in-process", (f"{_PROGRAMS}.in_thread", "mangum"), subset=True),
    Program("async_to_sync", "in-process", (f"{_PROGRAMS}.in_thread", "async_to_sync")),
    Program("notebook", "in-process", (f"{_PROGRAMS}.notebook",), subset=True),
)


def environment() -> str:
    """Return the environment that the tests run in."""
    return os.environ.get(VARIABLE, "")


def servers() -> list[Server]:
    """Return the servers to try in this environment."""
    return [row for row in SERVERS if _is_wanted(row)]


def hosts() -> list[Host]:
    """Return the hosts to try in this environment."""
    return [row for row in HOSTS if _is_wanted(row)]


def exposed() -> list[Exposed]:
    """Return the servers under attack to try in this environment."""
    return [row for row in EXPOSED_SERVERS if _is_wanted(row)]


def isolated_environments() -> list[str]:
    """Return the environments with a server that keeps HTTP requests apart."""
    wanted = [row.environment for row in EXPOSED_SERVERS if is_isolated(row)]
    return list(dict.fromkeys(wanted))


def is_isolated(row: Exposed) -> bool:
    """Tell whether no HTTP request finds anything of another."""
    return set(row.leaks) <= set(WEBSOCKETS)


def has_websocket(row: Exposed) -> bool:
    """Tell whether the application answers websockets."""
    return EXPOSED_LIHIL not in row.command


def programs() -> list[Program]:
    """Return the programs to try in this environment."""
    return [row for row in PROGRAMS if _is_wanted(row)]


def subset_environments() -> list[str]:
    """Return the environments of the rows that differ in kind, each once."""
    table = (*SERVERS, *HOSTS, *EXPOSED_SERVERS, *PROGRAMS)
    wanted = [row.environment for row in table if row.subset]
    return list(dict.fromkeys(wanted))


def _is_wanted(row: Server | Host | Exposed | Program) -> bool:
    return row.environment == environment() and (
        row.subset or not os.environ.get(SUBSET)
    )

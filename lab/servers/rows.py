"""The table: which servers and programs are tried, and what they need.

The sessions of ``lab/noxfile.py`` make the environments, and the tests run the rows
of the environment that they find themselves in. To try another server, add a row.
Nothing is imported here but the standard library.
"""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VARIABLE = "SCOPEFIX_SERVERS"
"""Names the environment that the tests run in; without it they don't."""

SUBSET = "SCOPEFIX_SERVERS_SUBSET"
"""Restricts them, if it is set, to the rows that differ in kind."""

REQUESTS = "SCOPEFIX_SERVERS_REQUESTS"
"""How many requests an attack on a server has; without it, as many as CI has
the time for."""

NEWEST = "0.54.0"
"""The newest release of uvicorn that was tried."""

FASTAPI = "lab.service.app:app"
ASGI = "lab.servers.hosts.asgi:app"
WSGI = "lab.servers.hosts.wsgi:app"
EXPOSED = "lab.servers.hosts.exposed:app"
EXPOSED_LIHIL = "lab.servers.hosts.exposed_lihil:app"
ISOLATED = "lab.servers.hosts.isolated:app"


_SERVICE = ("fastapi", "ididi==1.8.2", "websockets")
_SPEEDUPS = ("httptools", "uvloop")
_GUNICORN = ("gunicorn", "uvicorn-worker")

ENVIRONMENTS = {
    "uvicorn-0.38.0": (*_SERVICE, *_SPEEDUPS, "uvicorn==0.38.0"),
    "uvicorn-0.40.0": (*_SERVICE, *_SPEEDUPS, *_GUNICORN, "uvicorn==0.40.0"),
    "uvicorn-0.44.0": (*_SERVICE, *_SPEEDUPS, "uvicorn==0.44.0"),
    "uvicorn-newest": (*_SERVICE, *_SPEEDUPS, "uvicorn>=0.45.0"),
    "others": (*_SERVICE, "daphne", "granian", "gunicorn", "hypercorn"),
    "threads": (
        *("ididi==1.8.2", "django", "flask", "granian", "gunicorn", "hypercorn"),
        *("robyn", "waitress"),
    ),
    "lihil-0.2.38-uvicorn-0.40.0": ("lihil==0.2.38", "uvicorn==0.40.0"),
    "lihil-newest-uvicorn-newest": ("lihil", "uvicorn>=0.45.0", "websockets"),
    "in-process": (
        *("fastapi", "ididi==1.8.2", "anyio", "asgiref", "httpx"),
        *("nbclient", "ipykernel", "pytest-asyncio"),
    ),
    "outside-http": ("ididi==1.8.2", "apscheduler<4", "celery", "dramatiq", "gevent"),
}
"""What is installed together, next to ididi-scopefix and pytest."""


class Server(NamedTuple):
    """A server, as somebody starts it.

    Attributes:
        name: what the documents call it.
        environment: where it is installed.
        command: its arguments after ``python -m``.
        without: the status of ``GET /request`` without the shim.
        subset: whether it differs in kind from the rows before it.
    """

    name: str
    environment: str
    command: tuple[str, ...]
    without: int
    subset: bool = False

    @property
    def workers(self) -> int:
        """How many processes answer."""
        return 2 if "--workers" in self.command else 1


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


def _on(loop: str, parser: str) -> tuple[str, ...]:
    return ("--loop", loop, "--http", parser)


_PLAIN, _FAST = _on("asyncio", "h11"), _on("uvloop", "httptools")
_TWO = ("--workers", "2")
_RESET = ("--reset-contextvars",)
_RESET_NAME = f"uvicorn {NEWEST} with `--reset-contextvars`"
_38, _40, _44, _NEW = (f"uvicorn-{v}" for v in ("0.38.0", "0.40.0", "0.44.0", "newest"))
_UVICORNS = {
    _38: "uvicorn 0.38.0",
    _40: "uvicorn 0.40.0",
    _44: "uvicorn 0.44.0",
    _NEW: f"uvicorn {NEWEST}",
}
_OTHERS, _THREADS = "others", "threads"


def _both(
    name: str, environment: str, without: int, *options: str, subset: bool = False
) -> tuple[Server, Server]:
    """Return the rows of a uvicorn with one worker and with two."""
    one, two = _uvicorn(*_PLAIN, *options), _uvicorn(*_FAST, *_TWO, *options)
    return (
        Server(name, environment, one, without, subset),
        Server(name, environment, two, without),
    )


SERVERS = (
    *_both(_UVICORNS[_38], _38, 200),
    *_both(_UVICORNS[_40], _40, 500, subset=True),
    Server(f"gunicorn with {_UVICORNS[_40]}", _40, _gunicorn(*_TWO), 500),
    Server(
        f"gunicorn `--preload` with {_UVICORNS[_40]}",
        _40,
        _gunicorn(*_TWO, "--preload"),
        500,
        subset=True,
    ),
    *_both(_UVICORNS[_44], _44, 500),
    *_both(_UVICORNS[_NEW], _NEW, 200, subset=True),
    *_both(_RESET_NAME, _NEW, 500, *_RESET, subset=True),
    Server("hypercorn", _OTHERS, _hypercorn(), 200, subset=True),
    Server("hypercorn", _OTHERS, _hypercorn(*_TWO), 200),
    Server("granian", _OTHERS, _granian(), 200, subset=True),
    Server("granian", _OTHERS, _granian(*_TWO), 200),
)

MOMENTS = IMPORT, LIFESPAN, FIRST = "import", "lifespan", "first request"
"""When a graph is built, as ``lab.servers.hosts.wiring`` says."""

_NEVER, _ALWAYS = (500, 500), (200, 200)
_ONLY_FIRST = (200, 500)
"""The first request builds the graph, in a context that no other one has."""


class Host(NamedTuple):
    """A server with the small application of ``lab/servers/hosts``.

    Attributes:
        name: what the documents call it.
        environment: where it is installed.
        command: its arguments after ``python -m``.
        without: the statuses of the first request, and of each one after it,
            without the shim.
        subset: whether it differs in kind from the rows before it.
        built: when the graph is built, one of ``MOMENTS``.
    """

    name: str
    environment: str
    command: tuple[str, ...]
    without: tuple[int, int]
    subset: bool = False
    built: str = IMPORT


def _late(name: str, environment: str, command: tuple[str, ...]) -> tuple[Host, Host]:
    """Return the rows of a server whose application builds its graph late."""
    return (
        Host(name, environment, command, _NEVER, built=LIFESPAN),
        Host(name, environment, command, _ONLY_FIRST, subset=True, built=FIRST),
    )


_SYNC = _gunicorn(app=WSGI, worker="sync")
_GTHREAD = _gunicorn("--threads", "4", app=WSGI, worker="gthread")
_WAITRESS = ("waitress", "--listen", "127.0.0.1:{port}", WSGI)
_WSGI_GRANIAN = _granian("--blocking-threads", "4", app=WSGI, interface="wsgi")
_FLASK = ("flask", "--app", "lab.servers.hosts.flask_app", "run")
_DJANGO = ("lab.servers.hosts.django_app", "runserver", "--noreload")
_ROBYN = ("lab.servers.hosts.robyn_app", "{port}")
_ASGI_WORKER = _gunicorn(app=ASGI, worker="asgi")

HOSTS = (
    Host("gunicorn's asgi worker", _OTHERS, _ASGI_WORKER, _ALWAYS, subset=True),
    *_late("gunicorn's asgi worker", _OTHERS, _ASGI_WORKER),
    Host("gunicorn sync", _THREADS, _SYNC, _ALWAYS),
    # One request after the other, all in one context.
    Host("gunicorn sync", _THREADS, _SYNC, _ALWAYS, built=FIRST),
    Host("gunicorn gthread", _THREADS, _GTHREAD, _NEVER, subset=True),
    Host("waitress", _THREADS, _WAITRESS, _NEVER, subset=True),
    Host("hypercorn, WSGI", _THREADS, _hypercorn(app=f"wsgi:{WSGI}"), _NEVER),
    Host("granian, WSGI", _THREADS, _WSGI_GRANIAN, _NEVER, subset=True),
    Host("Flask's server", _THREADS, (*_FLASK, "--port", "{port}"), _NEVER),
    Host("Django's runserver", _THREADS, (*_DJANGO, "127.0.0.1:{port}"), _NEVER),
    Host("Robyn", _THREADS, _ROBYN, _NEVER, subset=True),
    *_late("Robyn", _THREADS, _ROBYN),
    Host("daphne", _OTHERS, _daphne(ASGI), _ALWAYS, subset=True),
    Host("daphne", _OTHERS, _daphne(ASGI), _ONLY_FIRST, built=FIRST),
    *_late("hypercorn", _OTHERS, _hypercorn(app=ASGI)),
    *_late("granian", _OTHERS, _granian(app=ASGI)),
    *(
        row
        for environment, name in _UVICORNS.items()
        for row in _late(name, environment, _uvicorn(*_PLAIN, app=ASGI))
    ),
    *_late(_RESET_NAME, _NEW, _uvicorn(*_PLAIN, *_RESET, app=ASGI)),
)

ATTACKS = PIPELINED, LARGE_BODY, WEBSOCKET = "pipelined", "large body", "websocket"
"""Requests that are sent before the one before them is answered; a request, or a
websocket, that follows a large body."""


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


def _exposed(*options: str, app: str = EXPOSED) -> tuple[str, ...]:
    # Only the client closes connections.
    return _uvicorn(*options, "--timeout-keep-alive", "600", app=app)


def _combinations(environment: str, *options: str) -> Iterator[Exposed]:
    """Yield the rows of a release of uvicorn, with each loop and each parser."""
    name = " ".join(("uvicorn", *options))
    starts_empty = environment in (_40, _44)
    for loop, parser in itertools.product(("asyncio", "uvloop"), ("h11", "httptools")):
        leaks = {
            # httptools makes the task of a pipelined request from the one before.
            PIPELINED: not options and (parser == "httptools" or not starts_empty),
            # uvloop goes on to read a large body in the context of the server.
            LARGE_BODY: not options and loop == "asyncio" and not starts_empty,
            # Websockets don't depend on the release.
            WEBSOCKET: loop == "asyncio",
        }
        yield Exposed(
            f"{name}, {loop} and {parser}",
            environment,
            _exposed(*_on(loop, parser), *options),
            tuple(kind for kind, is_found in leaks.items() if is_found),
            without=500 if options or starts_empty else 200,
            subset=(environment, loop, parser, options) in _DIFFERENT,
        )


_DIFFERENT = (
    (_40, "uvloop", "httptools", ()),
    (_NEW, "asyncio", "h11", ()),
    (_NEW, "asyncio", "h11", _RESET),
    (_NEW, "uvloop", "httptools", _RESET),
)
_EXPOSED_WORKER = _gunicorn("--keep-alive", "600", app=EXPOSED, worker="asgi")
_NEWEST_LIHIL = "lihil-newest-uvicorn-newest"
_ON_LIHIL = _exposed("--http", "h11", app=EXPOSED_LIHIL)

EXPOSED_SERVERS = (
    *(
        row
        for environment in (_38, _40, _44, _NEW)
        for row in _combinations(environment)
    ),
    *_combinations(_NEW, *_RESET),
    *(
        Exposed(
            f"uvicorn, {loop} and {parser}, EmptyContext",
            environment,
            _exposed(*_on(loop, parser), app=ISOLATED),
            without=500,
            subset=(environment, parser) == (_38, "h11"),
        )
        for environment, loop, parser in (
            (_38, "asyncio", "h11"),
            (_38, "uvloop", "httptools"),
            (_40, "uvloop", "httptools"),
            (_44, "uvloop", "httptools"),
            (_NEW, "asyncio", "h11"),
        )
    ),
    Exposed("daphne", _OTHERS, _daphne(EXPOSED), (PIPELINED,), subset=True),
    Exposed("daphne, EmptyContext", _OTHERS, _daphne(ISOLATED), (), 500, subset=True),
    Exposed("hypercorn", _OTHERS, _hypercorn("--keep-alive", "600", app=EXPOSED)),
    Exposed("granian", _OTHERS, _granian(app=EXPOSED)),
    Exposed("gunicorn's asgi worker", _OTHERS, _EXPOSED_WORKER),
    Exposed(
        *("lihil 0.2.38 on uvicorn", "lihil-0.2.38-uvicorn-0.40.0", _ON_LIHIL),
        without=500,
        subset=True,
    ),
    # The newest lihil brings ididi 1.8.4.
    Exposed("ididi 1.8.4 on uvicorn", _NEWEST_LIHIL, _exposed(*_PLAIN), ATTACKS),
    Exposed("lihil on uvicorn", _NEWEST_LIHIL, _ON_LIHIL, ATTACKS[:2]),
    Exposed(
        "lihil on uvicorn --reset-contextvars",
        _NEWEST_LIHIL,
        (*_ON_LIHIL, *_RESET),
        without=500,
        subset=True,
    ),
)


class Program(NamedTuple):
    """A program that opens scopes without a server, and ends by itself.

    All of them are broken without the shim.

    Attributes:
        name: what the test is called.
        environment: where it is installed.
        command: its arguments after ``python -m``.
        subset: whether it differs in kind from the rows before it.
    """

    name: str
    environment: str
    command: tuple[str, ...]
    subset: bool = False


def _program(name: str, *arguments: str) -> tuple[str, ...]:
    return (f"lab.servers.programs.{name}", *arguments)


def _pytest(*plugin: str) -> tuple[str, ...]:
    options = ("--noconftest", "--quiet", "-p", "no:cacheprovider")
    # None of the project's own settings, which are not made for plugins.
    options += ("-c", os.devnull, "--rootdir", ".")
    return ("pytest", *options, *plugin, "lab/servers/programs/fixture_in_task.py")


_IN, _OUT = "in-process", "outside-http"
_ASYNCIO = _pytest("-p", "no:anyio", "--asyncio-mode", "auto")
_ANYIO = _pytest("-p", "no:asyncio")

PROGRAMS = (
    Program("TestClient", _IN, _program("testclient"), subset=True),
    Program("pytest-asyncio", _IN, _ASYNCIO, subset=True),
    Program("anyio's plugin", _IN, _ANYIO),
    Program("gevent", _OUT, _program("greenlets"), subset=True),
    *(
        Program(method, _OUT, _program("processes", method), method == "fork")
        for method in ("spawn", "fork", "forkserver")
    ),
    Program("APScheduler", _OUT, _program("scheduler")),
    Program("Celery", _OUT, _program("celery_worker", "threads"), subset=True),
    Program("Celery, prefork", _OUT, _program("celery_worker", "prefork"), True),
    Program("dramatiq", _OUT, _program("dramatiq_worker")),
    Program("async_to_sync", _IN, _program("loop_in_thread"), subset=True),
    Program("notebook", _IN, _program("notebook"), subset=True),
)

Row = TypeVar("Row", Server, Host, Exposed, Program)


def environment() -> str:
    """Return the environment that the tests run in."""
    return os.environ.get(VARIABLE, "")


def here(table: Iterable[Row]) -> list[Row]:
    """Return the rows of *table* to try in this environment."""
    return [
        row
        for row in table
        if row.environment == environment()
        and (row.subset or not os.environ.get(SUBSET))
    ]


def isolated_environments() -> list[str]:
    """Return the environments with a server that keeps HTTP requests apart."""
    wanted = [row.environment for row in EXPOSED_SERVERS if is_isolated(row)]
    return list(dict.fromkeys(wanted))


def is_isolated(row: Exposed) -> bool:
    """Tell whether no HTTP request finds anything of another."""
    return set(row.leaks) <= {WEBSOCKET}


def has_websocket(row: Exposed) -> bool:
    """Tell whether the application answers websockets."""
    return EXPOSED_LIHIL not in row.command


def subset_environments() -> list[str]:
    """Return the environments of the rows that differ in kind, each once."""
    table = (*SERVERS, *HOSTS, *EXPOSED_SERVERS, *PROGRAMS)
    return list(dict.fromkeys(row.environment for row in table if row.subset))

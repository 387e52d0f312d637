"""A token service: FastAPI, ididi, and a scope at every stage of a request.

Two things are called scope, and this service shows them side by side. An *ASGI
scope* is the dict that describes one connection: type, method, path, headers,
state. It is handed on explicitly. An *ididi scope* holds the dependencies
resolved in it, and the current one is found through the context. It is handed
on implicitly, or, where a context is empty, not at all.

A connection passes these stages. Each runs in the context named on the right,
and the last four of them are where ididi alone finds no scope even if the
server has left the request's context as it was:

====================================  =======================================
``middleware``                        the connection's own context
``debug``, ``tokens`` (async routes)  the same
``routes`` (``yield`` dependency)     the same
``routes`` (sync route)               a copy, in a worker thread
``routes`` (background task)          the same if it is async, else a copy
``failures`` (exception handlers)     the same; for unexpected errors outside
                                      the middleware, after its scope
``streaming``                         the same or a copy, which is up to the
                                      server
``websocket``                         the same for all of the connection
``contexts``: ``asyncio.to_thread``,  a copy
tasks, anyio's threads and tasks
``contexts``: ``run_in_executor``     an empty context: the pool thread's own
``contexts``: a plain thread          an empty context
``contexts``: an event loop in it     an empty context
``contexts``: a task that is given    an empty context
``Context()``
====================================  =======================================

"The connection's own context" is empty at first under uvicorn 0.39 to 0.44, and
under ``uvicorn --reset-contextvars``: the reason why this service needs
ididi-scopefix before the middleware has opened its first scope.

Every stage proves its isolation: see :mod:`examples.service.isolation`.
"""

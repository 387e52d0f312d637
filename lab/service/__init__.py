"""A service that proves its isolation: FastAPI, ididi, a scope at every stage.

A connection passes the stages below, each in the context named on the right. The
empty ones are where ididi alone finds no scope, whatever the server does; under
uvicorn 0.39 to 0.44 and ``uvicorn --reset-contextvars`` all the others begin in an
empty context as well. :mod:`lab.service.isolation` says what each stage checks.

====================================  =======================================
``middleware``, async routes          the connection's own context
``yield`` dependency, websocket       the same
sync route, sync background task      a copy, in a worker thread
exception handler                     the same
stream                                the same or a copy, as the server decides
``to_thread``, tasks                  a copy
``run_in_executor``, a plain thread   an empty context
an event loop in a thread             an empty context
a task that is made in ``Context()``  an empty context
====================================  =======================================
"""

"""The same small application for every interface that a server can have.

``wiring`` has the graph and what a request does with it. The other modules are
that application for ASGI, for WSGI, and for servers that come with a framework
of their own. The route is ``/visit``; everything else is not found, so that a
server can be waited for without touching the graph.
"""

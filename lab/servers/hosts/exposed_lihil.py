"""Tells the same as ``exposed``, from an endpoint of lihil's."""

from typing import Any

from lihil import Lihil, Request, Route

from lab.servers.hosts.exposed import Session, open_session, report

visits = Route("/visit")
visits.graph.node(open_session, reuse=True)


@visits.post
async def visit(session: Session, request: Request) -> dict[str, Any]:
    """Answer in the scope that lihil has opened for the request."""
    await request.body()
    found = app.graph.use_scope(as_async=True).pre
    return await report(request.headers["x-request-id"], found, session)


app = Lihil(visits)

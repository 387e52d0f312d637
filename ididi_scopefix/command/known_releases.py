"""What doctor and the documents know about releases of ididi and of uvicorn.

Which releases of ididi are patched is the runtime's own table, in
``ididi_scopefix._releases``.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

EmptyContexts = Literal["never", "always", "option"]

SYMPTOMS = {
    "<1.4.3": "`use_scope` raises `OutOfScopeError`, by design",
    ">=1.4.3,<1.4.4": "the same `LookupError`, from a variable on the class",
    ">=1.4.4,<1.5": "`LookupError`",
    ">=1.5,<1.6": "`LookupError` (compiled)",
    ">=1.6,<1.8.4": "`LookupError`",
    ">=1.8.4,<1.8.5": (
        "`LookupError` from `use_scope` and `merge`; scopes have no parent"
    ),
}
"""What a scope call of ididi does in a context without a scope.

The keys are specifiers of PEP 440, oldest first, and cover every release up to the
newest verified one.
"""


class Server(NamedTuple):
    """Releases of uvicorn that start requests alike.

    Attributes:
        since: the first of them.
        empty_contexts: when they start a request in an empty context: never,
            always, or only with :data:`UVICORN_OPTION`.
    """

    since: str
    empty_contexts: EmptyContexts


UVICORN = (
    Server("0", "never"),
    Server("0.39.0", "always"),
    Server("0.45.0", "option"),
)
"""Every release of uvicorn, oldest first."""

UVICORN_OPTION = "--reset-contextvars"


def empty_contexts(uvicorn: str) -> EmptyContexts:
    """Tell when a release of uvicorn starts a request in an empty context.

    Raises:
        packaging.version.InvalidVersion: *uvicorn* is not a version of PEP 440.
    """
    # Here and not above: status and doctor have to work without packaging, which
    # is what they then report as missing.
    from packaging.version import Version

    version = Version(uvicorn)
    for server in reversed(UVICORN):
        if version >= Version(server.since):
            return server.empty_contexts
    return UVICORN[0].empty_contexts

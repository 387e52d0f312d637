"""The public API as type checkers see it; checked and never run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Literal, Optional

import ididi_scopefix
from ididi_scopefix import Caller, State, Status, activate, deactivate, seed, status

if TYPE_CHECKING:
    from ididi import Graph
    from ididi.graph import SyncScope


def switches() -> None:
    """Both return the status afterwards."""
    before: Status = activate()
    after: Status = deactivate()
    assert before != after


def is_alive(report: Status) -> bool:
    """A status says what it is, and every state can be told from the others."""
    state: Literal["waiting", "active", "inactive", "disabled", "failed"]
    state = report.state
    same: State = state
    callers: tuple[Caller, ...] = report.callers
    where: list[tuple[str, str, int, str, int]] = [
        (each.call, each.file, each.line, each.function, each.count) for each in callers
    ]
    assert same == state
    assert len(where) == len(callers)
    version: Optional[str] = report.ididi_version
    names: tuple[str, ...] = report.patched
    fallbacks: int = report.fallbacks
    reason: str = report.reason
    return state == "active" and bool(version and names and reason) and fallbacks >= 0


def make_pool(graph: Graph) -> ThreadPoolExecutor:
    """Seed is an initializer, and returns the default scope."""
    default: SyncScope = seed(graph)
    assert default.name
    return ThreadPoolExecutor(initializer=seed, initargs=(graph,))


def version() -> str:
    """The version is text."""
    assert is_alive(status())
    return ididi_scopefix.__version__


def is_frozen() -> None:
    """Nobody changes a status: the comment below is needed, or it is an error."""
    report = status()
    report.fallbacks = 0  # type: ignore[misc]  # pyright: ignore

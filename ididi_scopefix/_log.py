"""Logging that breaks nothing: neither an import of ididi nor a request."""

from __future__ import annotations

import logging
from typing import Optional

INFO = logging.INFO

logger: logging.Logger = logging.getLogger("ididi_scopefix")
root: logging.Logger = logging.getLogger()


def warn(message: str, *args: object, error: Optional[BaseException] = None) -> None:
    """Log a warning, with the traceback of *error* if there is one.

    What the program's handlers and filters raise does not reach the caller of
    a method of ididi.
    """
    try:
        logger.warning(message, *args, exc_info=error)
    except Exception:
        pass


def info(message: str, *args: object) -> bool:
    """Log *message* at INFO, and tell whether a handler has taken it.

    Before logging is configured, and after ``dictConfig`` has disabled the
    logger, none does.
    """
    try:
        if not _is_handled():
            return False
        logger.info(message, *args)
    except Exception:
        pass
    return True


def _is_handled() -> bool:
    """Tell whether a handler would take a message at INFO."""
    if logger.disabled or not logger.isEnabledFor(INFO):
        return False
    found: Optional[logging.Logger] = logger
    while found is not None:
        if any(handler.level <= INFO for handler in found.handlers):
            return True
        found = found.parent if found.propagate else None
    return False

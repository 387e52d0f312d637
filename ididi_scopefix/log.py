"""Logging that breaks nothing: neither an import of ididi nor a request."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import Optional

DEBUG, INFO, WARNING = logging.DEBUG, logging.INFO, logging.WARNING

logger: logging.Logger = logging.getLogger("ididi_scopefix")
root: logging.Logger = logging.getLogger()


def log(
    level: int, message: str, *args: object, error: Optional[BaseException] = None
) -> None:
    """Log *message* % *args*, with the traceback of *error* if there is one.

    A handler or filter of the program may raise. It does so to the program's
    own messages, not to the caller of a method of ididi.
    """
    with suppress(Exception):
        logger.log(level, message, *args, exc_info=error, stacklevel=2)

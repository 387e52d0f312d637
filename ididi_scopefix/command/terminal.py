"""Words for a terminal: coloured where somebody looks at them."""

from __future__ import annotations

import io
import os
import sys
from typing import Optional, TextIO

_GREEN, _RED, _BOLD = "32", "31", "1"


def good(text: str) -> str:
    """Return *text* as good news."""
    return _coloured(text, _GREEN)


def bad(text: str) -> str:
    """Return *text* as bad news."""
    return _coloured(text, _RED)


def heading(text: str) -> str:
    """Return *text* as a heading."""
    return _coloured(text, _BOLD)


def write_what_it_can() -> None:
    r"""Have characters that the terminal doesn't know written as ``\xe9``.

    What is printed contains paths and other people's error messages.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _coloured(text: str, colour: str) -> str:
    return f"\033[{colour}m{text}\033[0m" if _has_colours(sys.stdout) else text


def _has_colours(stream: Optional[TextIO]) -> bool:
    """Tell whether *stream* is a terminal whose user wants colours."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return stream is not None and sys.platform != "win32" and stream.isatty()

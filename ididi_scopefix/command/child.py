"""Starts this interpreter once more, to see what it does when it starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any, Optional

TIMEOUT = 60.0
"""How many seconds a child may take; it needs less than one."""

_PREFIX = "ididi-scopefix answer: "
"""Stands before the child's answer: others may print to its standard output, too."""

# The folder that the user happens to be in is not on the path of a program, and
# may have anything in it.
_PREFACE = "import sys; sys.path[:] = filter(None, sys.path)\n"


class ChildError(Exception):
    """The child gave no answer; the message says why."""


def ask(
    source: str,
    *arguments: str,
    options: tuple[str, ...] = (),
    environment: Optional[Mapping[str, str]] = None,
) -> Any:
    """Run *source* in an interpreter with the options of this one.

    Args:
        source: a program that prints a line: ``sys.argv[1]`` and its answer in JSON.
        arguments: its ``sys.argv[2:]``.
        options: options of the interpreter, besides those of this one.
        environment: its environment, this process's by default.

    Returns:
        The answer.

    Raises:
        ChildError: there was none.
    """
    command = [sys.executable, *_options(), *options, "-c", _PREFACE + source]
    try:
        child = subprocess.run(
            [*command, _PREFIX, *arguments],
            env=os.environ if environment is None else environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ChildError(f"no answer within {TIMEOUT:.0f} seconds.") from None
    except OSError as error:
        raise ChildError(f"{sys.executable!r} can't be started: {error}") from error
    _, prefix, answer = child.stdout.decode(errors="replace").rpartition(_PREFIX)
    if prefix:
        return json.loads(answer.partition("\n")[0])
    said = child.stderr.decode(errors="replace").strip().splitlines() or [""]
    how = f"exit code {child.returncode}"
    raise ChildError(f"the interpreter broke off ({how}): {said[-1]}")


def _options() -> list[str]:
    """Return the options of this interpreter that decide what it loads at start.

    With -I the flags of -E and -s are set as well.
    """
    flags = {
        "-E": sys.flags.ignore_environment,
        "-s": sys.flags.no_user_site,
        "-S": sys.flags.no_site,
    }
    return [option for option, is_set in flags.items() if is_set]

"""Asks an interpreter like this one what it finds when it starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

TIMEOUT = 60.0
"""How many seconds a child may take; it needs less than one."""

NOT_FOUND = (
    "an interpreter that is started like this one does not find its packages."
    " `ididi-scopefix --help` shows how to ask a PEX or shiv program."
)
"""What is said if this process has a package and the child has not."""

_MARK = "ididi-scopefix answer: "
"""Stands before the answer: others may print to standard output, too."""

# The current folder is on the path of "python -c", and not on that of a program.
_PROGRAM = """\
import sys
sys.path[:] = filter(None, sys.path)
{}
import json
print("\\n{}" + json.dumps({}), flush=True)
"""


def ask(source: str, expression: str, **variables: str) -> dict[str, Any]:
    """Run *source* in an interpreter like this one.

    Args:
        source: a program.
        expression: what is evaluated after it: a dictionary.
        variables: what the child's environment has besides this process's.

    Returns:
        The dictionary, or one that has under ``"error"`` why there is none.
    """
    program = _PROGRAM.format(source, _MARK, expression)
    try:
        child = subprocess.run(
            [sys.executable, *_options(), "-c", program],
            # A PEX program takes this one out of the environment when it has read it.
            env={**os.environ, "PEX_INTERPRETER": "1", **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"error": f"no answer within {TIMEOUT:.0f} seconds."}
    except OSError as error:
        return {"error": f"{sys.executable!r} can't be started: {error}"}
    _, mark, answer = child.stdout.decode(errors="replace").rpartition(_MARK)
    if not mark:
        said = child.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        how = f"exit code {child.returncode}"
        return {"error": f"the interpreter broke off ({how}): {said}"}
    found: dict[str, Any] = json.loads(answer.partition("\n")[0])
    return found


def _options() -> list[str]:
    """Return how this interpreter was started: its options, and its archive if any."""
    if sys.version_info >= (3, 10):
        words = sys.orig_argv[1:]
        module = words.index("-m") if "-m" in words else len(words)
        if words[module + 1 : module + 2] == ["ididi_scopefix"]:
            return words[:module]
    flags = {
        "-E": sys.flags.ignore_environment,
        "-s": sys.flags.no_user_site,
        "-S": sys.flags.no_site,
    }
    return [option for option, is_set in flags.items() if is_set]

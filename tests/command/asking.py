"""Asks the command of an environment, and reads its answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.environments import Environment, attempt
from tests.pythons import EMPTY_THREADS

SITES = Path(__file__).with_name("sites")
"""Folders for ``PYTHONPATH``, each with another ``sitecustomize``."""


def answer(environment: Environment, *words: str, **variables: str) -> tuple[int, Any]:
    """Return the exit code of the command, and what it says to programs.

    *words* are options of the interpreter and the name of the command, the last.
    """
    *options, name = words
    command = (environment.python, *options, "-m", "ididi_scopefix", name, "--json")
    finished = attempt(*command, **{**EMPTY_THREADS, **variables})
    assert "Traceback" not in finished.stderr
    return finished.returncode, json.loads(finished.stdout)


def text(environment: Environment, name: str, **variables: str) -> str:
    """Return what the command says to a person, with sentences on one line."""
    command = (environment.python, "-m", "ididi_scopefix", name)
    finished = attempt(*command, **{**EMPTY_THREADS, **variables})
    assert "Traceback" not in finished.stderr
    return " ".join(finished.stdout.split())


def put_ididi(folder: Path, source: str) -> str:
    """Put a package of that name into *folder*; return the folder."""
    (folder / "ididi").mkdir()
    (folder / "ididi" / "__init__.py").write_text(source, encoding="utf-8")
    return str(folder)

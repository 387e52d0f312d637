"""What the shim writes to standard error, for a program that reads its own."""

import os
from typing import Callable


def listen(file: str = "stderr.txt") -> "Callable[[], list[str]]":
    """Have standard error go to *file*; return what tells its lines so far.

    Each line is without the part that names the process.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 2)
    prefix = f"ididi-scopefix[{os.getpid()}]: "

    def lines() -> "list[str]":
        with open(descriptor, encoding="utf-8", closefd=False) as written:
            written.seek(0)
            found = written.read().splitlines()
        assert all(each.startswith("ididi-scopefix[") for each in found), found
        return [each[len(prefix) :] for each in found if each.startswith(prefix)]

    return lines

"""A program with a pool of interpreters, which find the work by this file's name."""

from concurrent.futures import InterpreterPoolExecutor
from contextvars import Context


def work(number: int) -> str:
    """Open a scope where there is none."""
    from ididi import Graph

    return f"{number} {Context().run(Graph().use_scope).name}"


if __name__ == "__main__":
    with InterpreterPoolExecutor(2) as pool:
        print(*pool.map(work, range(4)), sep="\n")

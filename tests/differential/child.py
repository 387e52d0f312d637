"""A child interpreter that runs programs for its parent, one after the other.

It gets them from its standard input and answers on its standard output. Whether
the shim is active in it is up to its environment.
"""

from __future__ import annotations

import faulthandler
import gc
import os
import pickle
import subprocess
import sys
from typing import Any, NamedTuple

import ididi_scopefix
from tests.differential.program import Block, Program
from tests.pythons import collect
from tests.shape import clear_caches

DEADLINE = 60
"""Seconds after which a program that has not ended is a failure."""


class Order(NamedTuple):
    """A program to be run, and how.

    Attributes:
        block: its statements.
        graphs: how many graphs it starts with.
        options: of :class:`~tests.differential.program.Program`.
        late: whether the shim is activated when the graphs have been built.
    """

    block: Block
    graphs: int
    options: dict[str, bool]
    late: bool = False


class Child:
    """The parent's side of a child interpreter.

    Args:
        environment: variables on top of this process's.
    """

    def __init__(self, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.differential.child"],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout

    def state(self) -> str:
        """Return the state of the shim in the child, before the first program."""
        state: str = pickle.load(self._output)
        return state

    def order(self, order: Order) -> None:
        """Have the child run a program."""
        pickle.dump(order, self._input)
        self._input.flush()

    def answer(self) -> list[str]:
        """Return what the program has seen."""
        lines: list[str] = pickle.load(self._output)
        return lines

    def close(self) -> None:
        """End the child."""
        self._process.communicate()


def run(order: Order) -> list[str]:
    """Run a program; return what it has seen."""
    program = Program(order.graphs, **order.options)
    if order.late:
        ididi_scopefix.deactivate()
    program.build()
    if order.late:
        ididi_scopefix.activate()
    return program.run(order.block)


def collect_and_freeze() -> None:
    """Collect garbage, and have the collector pass over what is left from now on."""
    # ididi's caches keep something of each program. To look at all of it after each
    # would make ten thousand programs take a day.
    collect()
    if hasattr(gc, "freeze"):  # PyPy has no such thing
        gc.freeze()


def main() -> None:
    """Answer until the parent has no more programs."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a program prints is not taken for an answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # When objects go is part of what programs do: it is up to them alone.
    gc.disable()
    collect_and_freeze()
    # What ends with a program's trace is not noted any more.
    sys.unraisablehook = lambda unraisable: None
    pickle.dump(ididi_scopefix.status().state, answers)
    answers.flush()
    while True:
        try:
            order: Any = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        faulthandler.dump_traceback_later(DEADLINE, exit=True)
        lines = run(order)
        faulthandler.cancel_dump_traceback_later()
        clear_caches()
        collect_and_freeze()
        pickle.dump(lines, answers)
        answers.flush()


if __name__ == "__main__":
    main()

"""A child interpreter that runs programs for its parent, one after the other.

It gets them from its standard input and answers on its standard output. It runs them
with the shim, or where its environment switches that off, by the shim's rule.
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
from tests.differential.rule import Rule, Shim
from tests.pythons import collect
from tests.shape import clear_caches

DEADLINE = 60
"""Seconds after which a program that has not ended is a failure."""


class Order(NamedTuple):
    """A program to be run, and how.

    Attributes:
        block: its statements.
        graphs: how many graphs it starts with.
        when: when the shim is activated; see :class:`Program`.
        is_empty: whether the context it runs in has no scope.
    """

    block: Block
    graphs: int
    when: str
    is_empty: bool


class Child:
    """The parent's side of a child interpreter.

    Args:
        by_rule: whether it runs programs without the shim, by its rule.
        environment: variables on top of this process's.
    """

    def __init__(self, by_rule: bool, **environment: str) -> None:
        command = [sys.executable, "-m", "tests.differential.child"]
        self._process = subprocess.Popen(
            [*command, "rule" if by_rule else "shim"],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout

    def order(self, order: Order) -> None:
        """Have the child run a program."""
        pickle.dump(order, self._input)
        self._input.flush()

    def answer(self) -> Any:
        """Return what the program has seen, and at first the state of the shim."""
        return pickle.load(self._output)

    def close(self) -> None:
        """End the child."""
        self._process.communicate()


def collect_and_freeze() -> None:
    """Collect garbage, and have the collector pass over what is left from now on."""
    # ididi's caches keep something of each program. To look at all of it after each
    # would make ten thousand programs take a day.
    clear_caches()
    collect()
    if hasattr(gc, "freeze"):  # PyPy has no such thing
        gc.freeze()


def main(shim: type[Shim]) -> None:
    """Answer until the parent has no more programs."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What a program prints is not taken for an answer.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # When objects go is part of what programs do: it is up to them alone.
    gc.disable()
    # What ends with a program's trace is not noted any more.
    sys.unraisablehook = lambda unraisable: None
    answer: Any = ididi_scopefix.status().state
    while True:
        collect_and_freeze()
        pickle.dump(answer, answers)
        answers.flush()
        try:
            order: Order = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        faulthandler.dump_traceback_later(DEADLINE, exit=True)
        program = Program(shim(), order.graphs, order.when)
        answer = program.run(order.block, order.is_empty)
        faulthandler.cancel_dump_traceback_later()
        del program


if __name__ == "__main__":
    main(Rule if sys.argv[1] == "rule" else Shim)

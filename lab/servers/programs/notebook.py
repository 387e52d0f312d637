"""A notebook that ipykernel executes, cell by cell.

A cell that awaits something runs in a copy of the kernel's context. The graph
that it builds has no scope in the cells after it.
"""

from __future__ import annotations

import os
import sys
import tempfile
import textwrap

import nbclient
from nbformat.v4 import new_code_cell, new_notebook

CELLS = (
    """
    import asyncio
    import threading

    import ididi_scopefix
    from ididi import Graph
    from ididi.config import DefaultScopeName

    await asyncio.sleep(0)
    graph = Graph()
    default_scope = graph.use_scope(DefaultScopeName)
    """,
    """
    assert graph.use_scope() is default_scope
    with graph.scope("cell") as scope:
        assert scope.pre is default_scope
        assert graph.use_scope() is scope
    """,
    """
    async with graph.ascope("cell") as scope:
        await asyncio.sleep(0)
        assert scope.pre is default_scope
        assert graph.use_scope() is scope
    """,
    """
    found = []
    thread = threading.Thread(target=lambda: found.append(graph.use_scope()))
    thread.start()
    thread.join(60)
    assert found == [default_scope]
    """,
)


def main() -> None:
    """Execute the notebook in a kernel, with nothing written to the home folder."""
    cells = [new_code_cell(textwrap.dedent(cell)) for cell in CELLS]
    with tempfile.TemporaryDirectory() as folder:
        os.environ["IPYTHONDIR"] = os.environ["JUPYTER_RUNTIME_DIR"] = folder
        try:
            nbclient.execute(new_notebook(cells=cells), timeout=60)
        except nbclient.exceptions.CellExecutionError as error:
            # The traceback in the message is in colour.
            sys.exit(f"{error.ename}: {error.evalue}")


if __name__ == "__main__":
    main()

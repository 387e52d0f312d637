"""The map of the modules has all of them, and both walks are what runs."""

from __future__ import annotations

import ast
import json
import re
from graphlib import TopologicalSorter
from importlib import import_module
from operator import attrgetter

from tests import children
from tests.docs.markdown import ROOT, Document

DESIGN = Document("docs/design.md")
PACKAGE = ROOT / "ididi_scopefix"
MODULES = {path.stem for path in PACKAGE.glob("*.py")} | {"command"}
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def test_every_module_is_on_the_map() -> None:
    """Whoever opens one finds out what it is for."""
    named = [row[0].strip("`") for row in DESIGN.table("module")[1:]]

    assert sorted(named) == sorted(MODULES)


class Imports(ast.NodeVisitor):
    """Which modules of the package are imported, type checkers' aside."""

    def __init__(self, module: str) -> None:
        self.found: set[str] = set()
        path = PACKAGE / f"{module}.py"
        self.visit(ast.parse(path.read_text(encoding="utf-8")))

    def visit_If(self, node: ast.If) -> None:
        for_checkers = ast.unparse(node.test) == "TYPE_CHECKING"
        for each in node.orelse if for_checkers else node.body + node.orelse:
            self.visit(each)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        package, *inside = (node.module or "").split(".")
        if package == "ididi_scopefix":
            names = inside[:1] or [alias.name for alias in node.names]
            self.found |= MODULES.intersection(names)


def arrows() -> dict[str, set[str]]:
    """Return which modules each one imports by the drawing."""
    drawing = DESIGN.text.partition("flowchart TD\n")[2].partition("```")[0]
    modules = dict(re.findall(r'(\w+)\["(\w+)"\]', drawing))
    plain = re.sub(r'\["[^"]+"\]| -- "[^"]+"', "", drawing)
    found: dict[str, set[str]] = {}
    for sources, target in re.findall(r"(.+) --> (\w+)", plain):
        for source in re.findall(r"\w+", sources):
            name = modules.get(source, source)
            found.setdefault(name, set()).add(modules[target])
    return found


def test_the_arrows_of_the_map_are_the_imports() -> None:
    """None leads back, and only ``__main__`` imports what a person types."""
    drawn = arrows()
    assert drawn.pop("line") == {"__init__"}

    imported = {name: Imports(name).found for name in MODULES - {"command"}}
    assert drawn == {name: found for name, found in imported.items() if found}
    tuple(TopologicalSorter(drawn).static_order())  # raises CycleError


def test_every_decision_is_where_the_map_says() -> None:
    """Each function and method of the table."""
    for _, cell in DESIGN.table("question")[1:]:
        for name in re.findall(r"`([^`]+)`", cell):
            module, _, attribute = name.partition(".")
            assert attrgetter(attribute)(import_module(dotted(module))), name


def dotted(module: str) -> str:
    return "ididi_scopefix" + ("" if module == "__init__" else f".{module}")


def walked(code: str) -> list[str]:
    """Return the functions of the package that *code* calls, as module.name."""
    told = children.run(
        f"""
        import contextvars, json, sys, threading
        from pathlib import Path

        called = []

        def note(frame, event, argument):
            file = Path(frame.f_code.co_filename)
            if event == "call" and file.parent.name == "ididi_scopefix":
                called.append(f"{{file.stem}}.{{frame.f_code.co_name}}")

        {code}
        print(json.dumps(called))
        """
    )
    found: list[str] = json.loads(told.stdout)
    return found


def steps(heading: str) -> tuple[list[str], str]:
    """Return the functions that a walk names, and what its section says."""
    _, _, text = DESIGN.text.partition(f"## {heading}\n")
    section = text.partition("\n## ")[0]
    rows = re.findall(r"^\| \d+[a-z]? \| `([^`]+)` \|", section, re.MULTILINE)
    return [f"{row.split('.')[0]}.{row.split('.')[-1]}" for row in rows], section


def files(names: list[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}


def in_order(names: list[str], called: list[str]) -> bool:
    """Tell whether *names* are first called in this order."""
    firsts = [called.index(name) for name in names]
    return firsts == sorted(firsts)


def test_an_import_takes_the_walk_of_the_document() -> None:
    """Step by step, and through as many files as it says."""
    (start, *names), section = steps("From the start of Python to the patched class")
    called = walked(
        "sys.setprofile(note); import ididi_scopefix, ididi; sys.setprofile(None)"
    )

    assert start == "__init__.__init__"
    assert in_order(names, called)
    assert f"passes {NUMBERS[len(files(called))]} files" in section


def test_a_call_takes_the_walk_of_the_document() -> None:
    """In a thread, of a graph and of a scope."""
    names, section = steps("From a call in an empty thread to its answer")
    prepare = "import ididi_scopefix, ididi; graph = ididi.Graph()"
    start = "contextvars.Context().run(thread.start)"
    call = f"threading.setprofile(note); {start}; thread.join()"
    thread = "; thread = threading.Thread(target={}.use_scope); "
    scope = "; scope = graph.scope('job').__enter__()"

    graphs = walked(f"{prepare}{thread.format('graph')}{call}")
    scopes = walked(f"{prepare}{scope}{thread.format('scope')}{call}")

    assert files(graphs) - {"_log"} == files(names[:2])
    assert in_order(names[:2], graphs)
    assert f"passes {NUMBERS[len(files(names[:2]))]} files" in section
    assert files(scopes) - {"_log"} == files(names)
    assert in_order(names, scopes)

"""The map of the modules has all of them, and both walks are what runs."""

from __future__ import annotations

import json
import re
from importlib import import_module
from operator import attrgetter

from tests import children
from tests.docs.markdown import ROOT, Document

DESIGN = Document("docs/design.md")
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def test_every_module_is_on_the_map() -> None:
    """Whoever opens one finds out what it is for."""
    package = ROOT / "ididi_scopefix"
    modules = {path.stem for path in package.glob("*.py")} - {"__main__"}

    named = [row[0].strip("`") for row in DESIGN.table("module")[1:]]

    assert sorted(named) == sorted(modules | {"command"})


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

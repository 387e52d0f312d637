"""Runs in a child interpreter: makes each statement of the hook fail once.

For each line of the package that runs during the first ``import ididi``, a
fork of this process imports ididi while exactly that line raises, and tells
how it left ididi. By tracing: nothing of the package is edited.
"""

# What the import of ididi needs anyway is here already: a fork then has little
# left to do.
import asyncio  # noqa: F401
import concurrent.futures  # noqa: F401
import importlib.metadata  # noqa: F401
import inspect  # noqa: F401
import json
import linecache
import logging
import operator
import os
import re
import sys
from contextvars import Context

import packaging.specifiers
import packaging.version  # noqa: F401
import typing_extensions  # noqa: F401
import wrapt  # noqa: F401

import ididi_scopefix
from ididi_scopefix import _log

FOLDER = os.path.dirname(ididi_scopefix.__file__) + os.sep
ERRORS = {"Exception": Exception, "KeyboardInterrupt": KeyboardInterrupt}

# Of every module of the package that runs then, all lines but those that can't
# raise, or that are the import itself: what a loader of ours hands on.
NOT_INJECTED = re.compile(
    r"try:$|.*method\(|.*getattr\(loader|return (self\.)?_?\w+(\.__class__)?$"
    r"|return .*loader|if name not in|def |return run\(|name = \"\"$"
)


def trace_until(number, error):
    """Make the line with this *number*, of all that run, raise *error*."""
    seen = []

    def on_line(frame, event, _):
        line = frame.f_code.co_filename, frame.f_lineno
        if event == "line" and line not in known:
            known.add(line)
            if not NOT_INJECTED.match(linecache.getline(*line).strip()):
                seen.append(line)
                if len(seen) == number:
                    raise error("injected")
        return on_line

    def on_call(frame, event, _):
        return on_line if frame.f_code.co_filename.startswith(FOLDER) else None

    known = set()
    sys.settrace(on_call)
    return seen


def is_ours(function):
    """Tell whether *function*, found in a class of ididi, is a replacement."""
    inside = [cell.cell_contents for cell in function.__closure__ or ()]
    files = [
        each.__code__.co_filename
        for each in (function, *inside)
        if hasattr(each, "__code__")
    ]
    return any(file.startswith(FOLDER) for file in files)


def contents(graph_module):
    """Return what is there now, of all that the patch replaces."""
    resolver, graph = vars(graph_module.Resolver), vars(graph_module.Graph)
    names = ("scope", "ascope", "use_scope")
    return [graph["__init__"], *(resolver[name] for name in names)]


def untraced(lines):
    """Return the modules of the package that have run without being traced."""
    traced = {file for file, _ in lines}
    loaded = {getattr(module, "__file__", None) for module in sys.modules.values()}
    return [file for file in loaded - traced if str(file).startswith(FOLDER)]


def import_with_fault(number, error):
    """Import ididi with a fault; return what is wrong with the outcome."""
    seen = trace_until(number, error)
    try:
        import ididi
    except BaseException as raised:
        ididi, failure = None, raised
    finally:
        sys.settrace(None)
    if len(seen) < number:
        return {"lines": len(seen), "untraced": untraced(seen)}
    name, line = seen[-1]
    where = f"{os.path.basename(name)}:{line}: {linecache.getline(name, line).strip()}"
    problems = []
    if ididi is None:
        if error is Exception or "injected" not in str(failure):
            problems.append(f"import ididi raised {failure!r}")
        import ididi
    elif error is KeyboardInterrupt:
        problems.append("the interrupt was swallowed")
    graph_module = sys.modules["ididi.graph"]
    found = contents(graph_module)
    state = ididi_scopefix.status().state
    warned = sorted(_log._warned)
    if len(warned) > 1:
        problems.append(f"more than one warning: {warned}")
    # It was one fault: the next attempt puts all right.
    after_all = ididi_scopefix.activate().state
    active = contents(graph_module)
    Context().run(Context().run(ididi.Graph).use_scope)
    ididi_scopefix.deactivate()
    plain = contents(graph_module)
    replaced = [one is not other for one, other in zip(found, plain)]
    if len(set(replaced)) != 1:
        problems.append(f"half patched: {replaced}")
    if (state == "active") is not replaced[0]:
        problems.append(f"the state is {state!r}, and {replaced}")
    if after_all != "active" or any(map(operator.is_, active, plain)):
        problems.append(f"activate() left it {after_all!r}")
    if any(map(is_ours, plain)):
        problems.append("deactivate() left something behind")
    return {"where": where, "problems": problems}


def in_fork(number, error):
    """Return what :func:`import_with_fault` returns, from a fork."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            outcome = import_with_fault(number, error)
        except BaseException as raised:
            outcome = {"where": f"line {number}", "problems": [repr(raised)]}
        os.write(writing, json.dumps(outcome).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        outcome = json.load(answer)
    os.waitpid(child, 0)
    return outcome


def main(error, first, step):
    """Print each problem, and at last how many lines there are."""
    number = first
    while True:
        outcome = in_fork(number, error)
        if "lines" in outcome:
            print(json.dumps(outcome))
            return
        for problem in outcome["problems"]:
            print(json.dumps({"where": outcome["where"], "problem": problem}))
        number += step


logging.disable(logging.CRITICAL)
main(ERRORS[sys.argv[1]], int(sys.argv[2]), int(sys.argv[3]))

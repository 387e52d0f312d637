"""``IDIDI_SCOPEFIX=verbose``: what each process says on standard error."""

import importlib.metadata
import os
import platform
import re
from pathlib import Path

import pytest

from tests.shape import is_compiled, knows_graphs

pytestmark = pytest.mark.shim

verbose = pytest.mark.child(env={"IDIDI_SCOPEFIX": "verbose"})
verbose_and_silent = pytest.mark.child(env={"IDIDI_SCOPEFIX": "verbose"}, err=None)
posix = pytest.mark.skipif(os.name != "posix", reason="about POSIX's descriptors")

VERSION = re.escape(importlib.metadata.version("ididi"))
PYTHON = re.escape(platform.python_version())
NAMES_CALLS = not is_compiled()


@pytest.mark.child(
    env={"IDIDI_SCOPEFIX": "verbose"},
    err=re.compile(
        rf"ididi-scopefix\[\d+\]: active: ididi {VERSION} is patched"
        rf" \(Python {PYTHON}, serve app:app\)\n"
    ).fullmatch,
)
def test_a_patched_process_says_so_once() -> None:
    """The line has the program's name and its words, and none of its options."""
    import sys

    sys.argv = ["/opt/serve/__main__.py", "app:app", "--password", "secret", "word"]
    import ididi  # noqa: F401

    import ididi_scopefix

    for _ in range(3):
        ididi_scopefix.deactivate()
        ididi_scopefix.activate()


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        ([""], "python"),
        ([], "python"),
        (None, "python"),
        (["app", 3, None], "app 3 None"),
        (["/srv/app.py", "-x", "secret"], "app.py"),
    ],
)
@verbose
def test_a_program_is_named_whatever_its_arguments_are(
    argv: object, name: str, helpers: Path
) -> None:
    """A program that embeds Python may put anything into ``sys.argv``."""
    import sys

    sys.path.append(str(helpers))
    from lines import listen

    lines = listen()
    sys.argv = argv
    import ididi  # noqa: F401

    (line,) = lines()
    assert line.startswith("active: ")
    assert line.endswith(f", {name})"), line


@verbose
def test_a_failure_is_said_with_its_reason(helpers: Path) -> None:
    """It is said whatever logging makes of the warning."""
    import sys

    sys.path.append(str(helpers))
    from lines import listen

    lines = listen()
    import logging

    logging.disable()
    sys.modules["wrapt"] = None
    import ididi  # noqa: F401

    import ididi_scopefix

    assert ididi_scopefix.activate().state == "failed"
    assert lines() == [f"failed: {ididi_scopefix.status().reason}"]


@pytest.mark.parametrize("names_calls", [NAMES_CALLS])
@verbose
def test_each_caller_is_named_once(names_calls: bool, helpers: Path) -> None:
    """A line has its call, its file, its line, its function and its thread."""
    import sys

    sys.path.append(str(helpers))
    from lines import listen

    lines = listen()
    import asyncio
    import threading
    from contextlib import ExitStack
    from contextvars import Context

    from ididi import Graph

    import ididi_scopefix

    def look_up():
        graph.use_scope()

    def request():
        with ExitStack() as stack:  # what enters it is not the caller
            stack.enter_context(graph.scope("request"))

    async def issue_token():
        async with graph.ascope("request") as scope:
            scopes.append(scope)

    def hand_over():
        scopes[0].use_scope()

    def explicit():
        ididi_scopefix.seed(graph)

    scopes = []
    graph = Context().run(Graph)
    for _ in range(2):
        Context().run(look_up)
        Context().run(request)
        Context().run(explicit)
        Context().run(asyncio.run, issue_token())
        Context().run(hand_over)
    thread = threading.Thread(target=look_up, name="worker-7")
    Context().run(thread.start)
    thread.join()

    calls = [
        ("Graph.use_scope()", look_up, 1, 3),
        ("Graph.scope()", request, 2, 2),
        ("Graph.ascope()", issue_token, 1, 2),
        ("AsyncScope.use_scope()", hand_over, 1, 2),
    ]
    expected = [
        (
            call if names_calls else "a scope call",
            function.__code__.co_filename,
            function.__code__.co_firstlineno + offset,
            function.__name__,
            count,
        )
        for call, function, offset, count in calls
    ]
    callers = ididi_scopefix.status().callers
    assert [
        (each.call, each.file, each.line, each.function, each.count) for each in callers
    ] == expected
    first = [line for line in lines() if " need" in line.partition(":")[0]]
    assert [line.partition(" (")[0] for line in first] == [
        f"{'also needed' if number else 'first need'}: {call} at {file}:{line} in {name}"
        for number, (call, file, line, name, _) in enumerate(expected)
    ]
    assert first[0].endswith(" (thread MainThread)")
    assert ", task Task-" in first[2]


@verbose
def test_a_file_is_named_as_seen_from_the_working_directory(helpers: Path) -> None:
    """A file elsewhere has its whole name, also where that directory is gone."""
    import sys

    sys.path.append(str(helpers))
    from lines import listen

    lines = listen()
    import os
    from contextvars import Context
    from pathlib import Path
    from types import FunctionType

    from ididi import Graph

    def use_scope():
        graph.use_scope()

    def need(file):
        code = use_scope.__code__.replace(co_filename=file)
        Context().run(FunctionType(code, globals()))

    graph = Context().run(Graph)
    here = Path.cwd()
    other = here.parent / "other.py"
    need(str(here / "sub" / "app.py"))
    need(str(other))
    if os.name == "posix":
        gone = here / "gone"
        gone.mkdir()
        os.chdir(gone)
        gone.rmdir()
        need(str(other.with_name("another.py")))
    said = [line.split(" at ")[1].split(":")[0] for line in lines()[1:]]
    expected = [os.path.join("sub", "app.py"), str(other)]
    assert said[:2] == expected
    assert [os.path.basename(each) for each in said[2:]] in ([], ["another.py"])


@verbose
def test_calls_are_summed_up_at_powers_of_ten(helpers: Path) -> None:
    """The callers with most calls are named, and the numbers of a line add up."""
    import sys

    sys.path.append(str(helpers))
    from lines import listen

    lines = listen()
    from contextvars import Context

    from ididi import Graph

    graph = Context().run(Graph)

    def rare():
        graph.use_scope()

    def often():
        graph.use_scope()

    for number in range(1100):
        Context().run(rare if number < 20 else often)
    first, second = [
        line.partition(": ")[2].rpartition(" (")[0]
        for line in lines()
        if line.startswith(("first need: ", "also needed: "))
    ]
    assert [line for line in lines() if "calls answered" in line] == [
        f"10 calls answered: 10 {first}",
        f"100 calls answered: 80 {second}; 20 {first}",
        f"1,000 calls answered: 980 {second}; 20 {first}",
    ]


@verbose
def test_a_hundred_callers_are_told_apart(helpers: Path) -> None:
    """The calls of the others are counted together, and no memory is filled."""
    import sys

    sys.path.append(str(helpers))
    from lines import listen

    lines = listen()
    from contextvars import Context
    from types import FunctionType

    from ididi import Graph

    import ididi_scopefix

    graph = Context().run(Graph)

    def use_scope():
        graph.use_scope()

    def call(number, times=1):
        code = use_scope.__code__.replace(co_name=f"caller_{number}")
        for _ in range(times):
            Context().run(FunctionType(code, globals()))

    for number in [*range(150), 7]:
        call(number)
    call(120, times=849)
    status = ididi_scopefix.status()
    assert status.fallbacks == 1000
    assert [(each.function, each.count) for each in status.callers] == [
        (f"caller_{number}", 1 + (number == 7)) for number in range(100)
    ]
    assert len([line for line in lines() if line.startswith("also needed: ")]) == 99
    last = lines()[-1]
    assert last.startswith("1,000 calls answered: 2 ")
    assert last.count(";") == 10  # ten callers are named
    assert last.endswith("; 989 elsewhere")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork()")
@pytest.mark.parametrize("names_calls", [NAMES_CALLS])
@verbose
def test_a_forked_worker_says_for_itself(names_calls: bool, helpers: Path) -> None:
    """It has its own process number, its own first need and its own counts."""
    import sys

    sys.path.append(str(helpers))
    from lines import listen

    lines = listen()
    import os
    from contextvars import Context

    import ididi

    import ididi_scopefix

    graph = Context().run(ididi.Graph)
    Context().run(graph.use_scope)
    before = lines()
    assert len(before) == 2
    worker = os.fork()
    if not worker:
        lines = listen()
        status = ididi_scopefix.status()
        assert (status.fallbacks, status.callers) == (0, ())
        for _ in range(10):
            Context().run(graph.use_scope)
        status = ididi_scopefix.status()
        assert [each.count for each in status.callers] == [10]
        active, first, ten = lines()
        assert active == before[0]
        assert first.startswith("first need: ")
        assert ten.startswith("10 calls answered: 10 ")
        os._exit(0)
    assert os.waitpid(worker, 0)[1] == 0
    assert ididi_scopefix.status().fallbacks == 1
    assert lines() == before


@pytest.mark.parametrize("switch", ["", "1", "on"])
@pytest.mark.child(env={"IDIDI_SCOPEFIX": "{switch}"})
def test_who_is_not_verbose_says_nothing(switch: str) -> None:
    """The calls are counted all the same, and the callers are not."""
    import logging
    from contextvars import Context

    import ididi

    import ididi_scopefix

    logging.root.setLevel(logging.INFO)
    graph = Context().run(ididi.Graph)
    for _ in range(10):
        Context().run(graph.use_scope)
    status = ididi_scopefix.status()
    assert status.state == "active"
    assert (status.callers, status.fallbacks) == ((), 10)


@pytest.mark.parametrize(
    "lacking", ["none", "closed", "closed descriptor", "full", "broken pipe"]
)
@verbose_and_silent
def test_requests_are_served_without_a_standard_error(lacking: str) -> None:
    """It can be missing, closed, full or a pipe that nobody reads any more."""
    import os
    import sys

    if lacking == "none":
        sys.stderr = sys.__stderr__ = None
    elif lacking == "closed":
        sys.__stderr__.close()
    elif lacking == "closed descriptor":
        os.close(2)
    elif lacking == "full" and os.path.exists("/dev/full"):
        os.dup2(os.open("/dev/full", os.O_WRONLY), 2)
    elif lacking == "broken pipe":
        reading, writing = os.pipe()
        os.dup2(writing, 2)
        os.close(writing)
        os.close(reading)
    from contextvars import Context

    import ididi

    import ididi_scopefix

    graph = Context().run(ididi.Graph)
    for _ in range(100):
        Context().run(graph.use_scope)
    served = ididi_scopefix.status().fallbacks == 100
    os._exit(0 if served else 1)


@verbose
def test_names_stay_on_one_line_whatever_is_in_them(helpers: Path) -> None:
    """What can't be printed or encoded is escaped, in names of files and threads."""
    import sys

    sys.path.append(str(helpers))
    from lines import listen

    lines = listen()
    import threading
    from contextvars import Context
    from types import FunctionType

    from ididi import Graph

    import ididi_scopefix

    graph = Context().run(Graph)

    def need():
        graph.use_scope()

    def in_file(file):
        return FunctionType(need.__code__.replace(co_filename=file), globals())

    files = ["caf\xe9\u2028.py", "two\nlines.py", "\udcff.py"]
    for file in files:
        thread = threading.Thread(target=in_file(file), name="a\nfailed: \udcffb")
        Context().run(thread.start)
        thread.join()
    sys.__stderr__.reconfigure(encoding="ascii")
    Context().run(in_file("th\xe9.py"))
    said = lines()[1:]
    assert len(said) == 4
    assert all(line.isprintable() for line in said)
    assert all(r"(thread a\nfailed: \udcffb)" in line for line in said[:3])
    assert r"two\nlines.py:" in said[1]
    assert r"th\xe9.py:" in said[3]
    assert [each.file for each in ididi_scopefix.status().callers[:3]] == files


@knows_graphs
@verbose
def test_what_wraps_a_method_is_the_caller(helpers: Path) -> None:
    """Wrappers of wrapt are passed over: the caller is the program."""
    import sys

    sys.path.append(str(helpers))
    from lines import listen

    lines = listen()
    from contextvars import Context

    import ididi.graph
    import wrapt

    import ididi_scopefix

    def wrapper(wrapped, instance, args, kwargs):
        return wrapped(*args, **kwargs)

    wrapt.wrap_function_wrapper("ididi.graph", "Resolver.use_scope", wrapper)
    graph = Context().run(ididi.graph.Graph)
    Context().run(graph.use_scope)
    (caller,) = ididi_scopefix.status().callers
    assert caller.call == "Graph.use_scope()"
    assert caller.function == "wrapper"
    assert len(lines()) == 2

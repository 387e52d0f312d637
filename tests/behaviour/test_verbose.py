"""``IDIDI_SCOPEFIX=verbose``: what each process says on standard error."""

import pytest

pytestmark = pytest.mark.shim

verbose = pytest.mark.child(env={"IDIDI_SCOPEFIX": "verbose"})


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (
            ["/opt/serve/__main__.py", "app:app", "--password", "secret", "word"],
            "serve app:app",
        ),
        (["app", 3, None], "app 3 None"),  # by a program that embeds Python
        ([], "python"),
    ],
)
@verbose
def test_a_patched_process_says_so_once(argv: object, name: str) -> None:
    """The line has the program's name and its words, and none of its options."""
    from tests.behaviour.lines import listen

    lines = listen()
    import platform
    import sys
    from importlib.metadata import version

    sys.argv = argv
    import ididi  # noqa: F401

    import ididi_scopefix

    for _ in range(3):
        ididi_scopefix.deactivate()
        ididi_scopefix.activate()
    patched = f"ididi {version('ididi')} is patched"
    python = f"Python {platform.python_version()}"
    assert lines() == [f"active: {patched} ({python}, {name})"]


@verbose
def test_a_failure_is_said_with_its_reason() -> None:
    """It is said whatever logging makes of the warning."""
    from tests.behaviour.lines import listen

    lines = listen()
    import logging
    import sys

    logging.disable()
    sys.modules["wrapt"] = None
    import ididi  # noqa: F401

    import ididi_scopefix

    assert ididi_scopefix.activate().state == "failed"
    assert lines() == [f"failed: {ididi_scopefix.status().reason}"]


@verbose
def test_each_caller_is_named_once() -> None:
    """A line has its call, its file, its line, its function and its thread."""
    from tests.behaviour.lines import listen

    lines = listen()
    import asyncio
    import threading
    from contextlib import ExitStack
    from contextvars import Context

    from ididi import Graph

    import ididi_scopefix
    from ididi_scopefix import Caller
    from tests.shape import is_compiled

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

    expected = tuple(
        Caller(
            "a scope call" if is_compiled() else call,
            function.__code__.co_filename,
            function.__code__.co_firstlineno + offset,
            function.__name__,
            count,
        )
        for call, function, offset, count in [
            ("Graph.use_scope()", look_up, 1, 3),
            ("Graph.scope()", request, 2, 2),
            ("Graph.ascope()", issue_token, 1, 2),
            ("AsyncScope.use_scope()", hand_over, 1, 2),
        ]
    )
    assert ididi_scopefix.status().callers == expected
    first = [line for line in lines() if " need" in line.partition(":")[0]]
    assert [line.partition(" (")[0] for line in first] == [
        f"{'also needed' if number else 'first need'}:"
        f" {each.call} at {each.file}:{each.line} in {each.function}"
        for number, each in enumerate(expected)
    ]
    assert first[0].endswith(" (thread MainThread)")
    assert ", task Task-" in first[2]


@verbose
def test_a_line_is_one_line_whatever_the_names_are() -> None:
    """A file is named as seen from the working directory; no name breaks a line."""
    from tests.behaviour.lines import listen

    lines = listen()
    import os
    import sys
    import threading
    from contextvars import Context
    from pathlib import Path
    from types import FunctionType

    from ididi import Graph

    import ididi_scopefix

    def use_scope():
        graph.use_scope()

    def need(file):
        code = use_scope.__code__.replace(co_filename=file)
        thread = threading.Thread(
            target=FunctionType(code, globals()), name="a\nfailed: \udcffb"
        )
        Context().run(thread.start)
        thread.join()

    graph = Context().run(Graph)
    here, elsewhere = Path.cwd(), str(Path.cwd().parent / "other.py")
    files = [str(here / "app.py"), elsewhere, "two\nlines.py", "\udcff.py"]
    for file in files:
        need(file)
    sys.__stderr__.reconfigure(encoding="ascii")
    need("th\xe9.py")
    if os.name == "posix":
        gone = here / "gone"
        gone.mkdir()
        os.chdir(gone)
        gone.rmdir()
        need(f"{elsewhere}.py")
    said = lines()[1:]
    assert all(line.isprintable() for line in said)
    assert all(line.endswith(r"(thread a\nfailed: \udcffb)") for line in said)
    shown = ["app.py", elsewhere, r"two\nlines.py", r"\udcff.py", r"th\xe9.py"]
    if os.name == "posix":
        shown.append(f"{elsewhere}.py")
    places = [line.split(" at ")[1].split(" in ")[0] for line in said]
    assert [place.rpartition(":")[0] for place in places] == shown
    assert [each.file for each in ididi_scopefix.status().callers[:4]] == files


@verbose
def test_calls_are_summed_up_at_powers_of_ten() -> None:
    """The callers with most calls are named, and the numbers of a line add up."""
    from tests.behaviour.lines import listen

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
def test_a_hundred_callers_are_told_apart() -> None:
    """The calls of the others are counted together, and no memory is filled."""
    from tests.behaviour.lines import listen

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


@pytest.mark.parametrize("lacking", ["none", "closed", "descriptor", "reader"])
@pytest.mark.child(env={"IDIDI_SCOPEFIX": "verbose"}, err=None)
def test_requests_are_served_without_a_standard_error(lacking: str) -> None:
    """It can be missing or closed, or a pipe that nobody reads any more."""
    import os
    import sys

    if lacking == "none":
        sys.stderr = sys.__stderr__ = None
    elif lacking == "closed":
        sys.__stderr__.close()
    elif lacking == "descriptor":
        os.close(2)
    else:
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


@pytest.mark.child(
    env={"IDIDI_SCOPEFIX": "verbose", "WRAPT_DISABLE_EXTENSIONS": "1"}, err=None
)
def test_who_calls_through_a_wrapper_of_wrapt_is_the_caller() -> None:
    """Where wrapt is all Python, its wrappers have frames, which are passed over."""
    from contextvars import Context

    import ididi
    import wrapt

    import ididi_scopefix

    def request():
        use_scope()

    graph = Context().run(ididi.Graph)
    use_scope = wrapt.CallableObjectProxy(graph.use_scope)
    Context().run(request)
    (caller,) = ididi_scopefix.status().callers
    assert caller.function == "request"

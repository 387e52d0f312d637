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


# Where wrapt is all Python, its wrappers have frames.
@pytest.mark.child(env={"IDIDI_SCOPEFIX": "verbose", "WRAPT_DISABLE_EXTENSIONS": "1"})
def test_each_caller_is_named_once() -> None:
    """A line has its call, its file, its line, its function and its thread."""
    from tests.behaviour.lines import listen

    lines = listen()
    import asyncio
    import threading
    from contextlib import ExitStack
    from contextvars import Context

    import wrapt
    from ididi import Graph

    import ididi_scopefix
    from ididi_scopefix import Caller
    from tests.shape import is_compiled

    def look_up():
        use_scope()  # a wrapper is not the caller

    def request():
        with ExitStack() as stack:  # nor is what enters a scope
            stack.enter_context(graph.scope("request"))

    async def issue_token():
        async with graph.ascope("request") as scope:
            scopes.append(scope)

    def hand_over():
        scopes[0].use_scope()

    scopes = []
    graph = Context().run(Graph)
    use_scope = wrapt.CallableObjectProxy(graph.use_scope)
    for _ in range(2):
        Context().run(look_up)
        Context().run(request)
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
    from contextvars import Context
    from pathlib import Path
    from types import FunctionType

    from ididi import Graph

    import ididi_scopefix

    def use_scope():
        graph.use_scope()

    def need(file):
        code = use_scope.__code__.replace(co_filename=file)
        Context().run(FunctionType(code, globals()))

    graph = Context().run(Graph)
    sys.__stderr__.reconfigure(encoding="ascii")
    here, elsewhere = Path.cwd(), str(Path.cwd().parent / "other.py")
    shown = {
        str(here / "app.py"): "app.py",
        elsewhere: elsewhere,
        "two\nlines.py": r"two\nlines.py",
        "\udcff.py": r"\udcff.py",
        "th\xe9.py": r"th\xe9.py",
    }
    for file in shown:
        need(file)
    if os.name == "posix":  # others don't remove a folder that a process is in
        gone = here / "gone"
        gone.mkdir()
        os.chdir(gone)
        gone.rmdir()
        shown["app.py"] = "app.py"
        need("app.py")
    places = [line.split(" at ")[1].split(" in ")[0] for line in lines()[1:]]
    assert [place.rpartition(":")[0] for place in places] == [*shown.values()]
    assert [each.file for each in ididi_scopefix.status().callers] == [*shown]


@verbose
def test_a_hundred_callers_are_told_apart() -> None:
    """All are summed up at powers of ten, and those with most calls are named."""
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
    summed = [line for line in lines() if " calls answered: " in line]
    assert [line.split()[0] for line in summed] == ["10", "100", "1,000"]
    assert "elsewhere" not in summed[0]
    last = summed[-1]
    assert last.startswith("1,000 calls answered: 2 ")
    assert last.count(";") == 10  # ten callers are named
    assert last.endswith("; 989 elsewhere")


@pytest.mark.parametrize("lacking", ["none", "closed", "reader"])
@pytest.mark.child(env={"IDIDI_SCOPEFIX": "verbose"}, err=None)
def test_requests_are_served_without_a_standard_error(lacking: str) -> None:
    """It can be missing or closed, or a pipe that nobody reads any more."""
    import os
    import sys

    if lacking == "none":
        sys.stderr = sys.__stderr__ = None
    elif lacking == "closed":
        sys.__stderr__.close()
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

"""``IDIDI_SCOPEFIX=verbose``: what each process says on standard error."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import ididi_scopefix
from tests import programs, shape

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.shim

posix = pytest.mark.skipif(os.name != "posix", reason="about POSIX's descriptors")
forks = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork()")

VERSION = importlib.metadata.version("ididi")

# The methods of compiled classes leave no frame.
KNOWS_CALLS = shape.has_mutable_classes()


def call(name: str) -> str:
    """Return how the shim calls the method *name* of a graph."""
    return f"Graph.{name}()" if KNOWS_CALLS else "a scope call"


START = """\
from contextvars import Context
import asyncio, os, sys, threading
import ididi_scopefix
from ididi import Graph

graph = Context().run(Graph)
"""


def test_a_patched_process_says_so_with_its_pid(tmp_path: Path) -> None:
    """Which ididi, which Python, and the program without its options."""
    child = programs.start(tmp_path, START, "serve", "--password", "secret")
    _, stderr = child.communicate(timeout=60)

    python = platform.python_version()
    assert stderr == (
        f"ididi-scopefix[{child.pid}]: active: ididi {VERSION} is patched"
        f" (Python {python}, app.py serve)\n"
    )


def test_a_module_that_is_run_is_named_by_its_package(tmp_path: Path) -> None:
    """``python -m app`` starts ``app/__main__.py``."""
    (tmp_path / "service").mkdir()
    main = tmp_path / "service" / "__main__.py"
    main.write_text(START, encoding="utf-8")

    stderr = subprocess.run(
        [sys.executable, "-m", "service", "app:app", "--reload"],
        cwd=tmp_path,
        env={**os.environ, "IDIDI_SCOPEFIX": programs.switch("verbose")},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    ).stderr

    assert stderr.endswith(", service app:app)\n"), stderr


def test_a_failure_is_said_with_its_reason(tmp_path: Path) -> None:
    """Whatever logging makes of the warning."""
    finished = programs.run(
        tmp_path,
        """
        import logging, sys
        logging.disable()
        sys.modules["packaging"] = None
        import ididi_scopefix, ididi
        print(ididi_scopefix.status().reason)
        """,
    )

    expected = [f"failed: {finished.stdout.strip()}"]
    assert programs.lines(finished.stderr) == expected


NEEDS = (
    START
    + """
def sync_request():
    with graph.scope("request"):
        pass

async def issue_token():
    async with graph.ascope("request"):
        pass

def look_up():
    graph.use_scope()

def merge():
    other = Context().run(Graph)
    graph.merge(other)

def explicit():
    ididi_scopefix.seed(graph)

for _ in range(2):
    Context().run(sync_request)
    Context().run(asyncio.run, issue_token())
    Context().run(look_up)
    Context().run(explicit)
    Context().run(merge)
"""
)


def line_of(program: str, text: str) -> int:
    """Return the line of *program* that has *text*."""
    return next(n for n, line in enumerate(program.splitlines(), 1) if text in line)


def test_each_caller_that_needs_a_scope_is_named_once(tmp_path: Path) -> None:
    """By its call, its file as seen from here, its line and its function."""
    said = programs.lines(programs.run(tmp_path, NEEDS).stderr)[1:]

    callers = [
        (call("scope"), "graph.scope", "sync_request"),
        (call("ascope"), "graph.ascope", "issue_token"),
        (call("use_scope"), "graph.use_scope", "look_up"),
        ("seed()", "ididi_scopefix.seed", "explicit"),
        (call("use_scope"), "graph.merge", "merge"),
    ]
    expected = [
        f"first need: {what} at app.py:{line_of(NEEDS, text)} in {function} (thread"
        for what, text, function in callers
    ]
    first = [line.partition(" MainThread")[0] for line in said if "first need" in line]
    assert first == expected
    assert re.fullmatch(r".* \(thread MainThread, task Task-\d+\)", said[1]), said[1]
    assert said[2].endswith(" (thread MainThread)")
    # The tenth context was the last.
    assert said[5:] == [
        "10 contexts seeded: "
        + "; ".join(
            f"2 {what} at app.py:{line_of(NEEDS, text)} in {function}"
            for what, text, function in callers
        )
    ]


def test_the_status_has_the_same_as_data(tmp_path: Path) -> None:
    """With whole file names, and as many contexts as were seeded."""
    finished = programs.run(
        tmp_path,
        NEEDS
        + """
status = ididi_scopefix.status()
assert status.seeded == 10 == sum(each.count for each in status.callers)
assert all(isinstance(each, ididi_scopefix.Caller) for each in status.callers)
for each in status.callers:
    assert os.path.samefile(each.file, "app.py"), each
    print(each.call, each.line, each.function, each.count)
""",
    )

    assert finished.stdout.splitlines() == [
        f"{call('scope')} {line_of(NEEDS, 'graph.scope')} sync_request 2",
        f"{call('ascope')} {line_of(NEEDS, 'graph.ascope')} issue_token 2",
        f"{call('use_scope')} {line_of(NEEDS, 'graph.use_scope')} look_up 2",
        f"seed() {line_of(NEEDS, 'ididi_scopefix.seed')} explicit 2",
        f"{call('use_scope')} {line_of(NEEDS, 'graph.merge')} merge 2",
    ]


def test_a_scope_that_calls_is_told_from_a_graph(tmp_path: Path) -> None:
    """The call names the class of what it was made on."""
    if not KNOWS_CALLS:
        pytest.skip("the methods of compiled classes leave no frame")
    finished = programs.run(
        tmp_path,
        START
        + """
with graph.scope() as scope:
    pass
Context().run(scope.use_scope)
""",
    )
    assert "first need: SyncScope.use_scope() at app.py:10 in <module> " in (
        finished.stderr
    )


def test_a_scope_that_is_left_unentered_names_its_call(tmp_path: Path) -> None:
    """It needs a scope when it is left."""
    if not KNOWS_CALLS:
        pytest.skip("the methods of compiled classes leave no frame")
    program = (
        START
        + """
async def leave():
    await graph.ascope().__aexit__(None, None, None)

def ignoring(call, *args):
    try:
        Context().run(call, *args)
    except (LookupError, RuntimeError) as error:
        print(type(error).__name__)

ignoring(graph.scope().__exit__, None, None, None)
ignoring(asyncio.run, leave())
"""
    )
    plain = programs.run(tmp_path, program, mode="0")
    finished = programs.run(tmp_path, program)
    lines = programs.lines(finished.stderr)[1:]

    assert lines
    *needed, last = lines
    assert finished.stdout.split() == ["RuntimeError", "RuntimeError"]
    # From ididi 1.8.4 on, scope() itself does not need one.
    assert needed or not plain.stdout.startswith("LookupError")
    for line in needed:
        assert line.startswith("first need: Graph.scope() at app.py:13 in ignoring ")
    assert last.startswith("first need: Graph.ascope() at app.py:9 in leave ")


def test_what_enters_a_scope_for_the_program_is_not_the_caller(tmp_path: Path) -> None:
    """An ExitStack of contextlib is not, nor are ididi's own functions."""
    finished = programs.run(
        tmp_path,
        START
        + """
from contextlib import ExitStack

def enter():
    with ExitStack() as stack:
        stack.enter_context(graph.scope())

Context().run(enter)
""",
    )
    (first,) = programs.lines(finished.stderr)[1:]
    caller = f"{call('scope')} at app.py:12 in enter (thread MainThread)"
    assert first == f"first need: {caller}"


def test_a_call_that_no_program_makes_has_no_caller(tmp_path: Path) -> None:
    """The first function of a thread is called by nobody."""
    finished = programs.run(
        tmp_path,
        START
        + """
import _thread, time
_thread.start_new_thread(graph.use_scope, ())
end = time.monotonic() + 30
while ididi_scopefix.status().state == "active" and time.monotonic() < end:
    if ididi_scopefix.status().callers and not _thread._count():  # it has ended
        break
    time.sleep(0.001)
(caller,) = ididi_scopefix.status().callers
assert (caller.file, caller.line, caller.function) == ("?", 0, "?")
""",
    )
    (first,) = programs.lines(finished.stderr)[1:]
    assert first.startswith(f"first need: {call('use_scope')} at ?:0 in ? (thread ")


@pytest.mark.parametrize("folder", ["sub", os.sep])
def test_a_file_outside_the_working_directory_has_its_whole_name(
    tmp_path: Path, folder: str
) -> None:
    """Whoever reads the line knows where to look."""
    (tmp_path / "sub").mkdir()
    other = tmp_path / "other.py"
    other.write_text("def need(graph):\n    graph.use_scope()\n", encoding="utf-8")
    finished = programs.run(
        tmp_path,
        f"{START}\nimport other; os.chdir({folder!r}); Context().run(other.need, graph)",
    )
    (first,) = programs.lines(finished.stderr)[1:]
    assert f" at {other}:2 in need " in first


@pytest.mark.parametrize("extensions", ["", "1"])
def test_a_call_that_another_library_has_wrapped_is_a_scope_call(
    tmp_path: Path, extensions: str
) -> None:
    """Its wrapper may stand around anything; the caller is known all the same."""
    if not KNOWS_CALLS:
        pytest.skip("the methods of compiled classes can't be wrapped")
    # wrapt is written in Python where nobody has compiled it.
    without = f"import os; os.environ['WRAPT_DISABLE_EXTENSIONS'] = {extensions!r}; "
    finished = programs.run(
        tmp_path,
        without
        + START
        + """
import functools
from ididi.graph import Resolver
ididi_scopefix.deactivate()
use_scope = Resolver.use_scope
Resolver.use_scope = functools.wraps(use_scope)(lambda self: use_scope(self))
ididi_scopefix.activate()
Context().run(graph.use_scope)
""",
    )
    first = programs.lines(finished.stderr)[-1]
    assert first.startswith("first need: a scope call at app.py:14 in <module> ")


def test_a_thread_of_the_pool_is_named(tmp_path: Path) -> None:
    """The caller is the first code that is not ididi's."""
    finished = programs.run(
        tmp_path,
        START
        + """
def work():
    graph.use_scope()

thread = threading.Thread(target=work, name="worker-7")
Context().run(thread.start)
thread.join()
""",
    )
    assert programs.lines(finished.stderr)[1:] == [
        f"first need: {call('use_scope')} at app.py:9 in work (thread worker-7)"
    ]


def test_contexts_are_summed_up_at_powers_of_ten(tmp_path: Path) -> None:
    """With the callers that had most of them, and thousands that can be read."""
    finished = programs.run(
        tmp_path,
        START
        + """
def rare(): graph.use_scope()
def often(): graph.use_scope()

for number in range(1100):
    Context().run(rare if number < 20 else often)
""",
    )

    said = [line for line in programs.lines(finished.stderr) if "seeded" in line]
    rare = f"{call('use_scope')} at app.py:8 in rare"
    often = f"{call('use_scope')} at app.py:9 in often"
    assert said == [
        f"10 contexts seeded: 10 {rare}",
        f"100 contexts seeded: 80 {often}; 20 {rare}",
        f"1,000 contexts seeded: 980 {often}; 20 {rare}",
    ]


def test_a_hundred_callers_are_told_apart(tmp_path: Path) -> None:
    """The contexts of the others are counted, and nobody's memory is filled."""
    finished = programs.run(
        tmp_path,
        START
        + """
for number in range(150):
    source = f"def caller_{number}(): graph.use_scope()"
    exec(compile(source, "generated.py", "exec"))
    Context().run(globals()[f"caller_{number}"])
for _ in range(850):
    Context().run(caller_120)

status = ididi_scopefix.status()
assert len(status.callers) == 100 and status.seeded == 1000
assert [each.function for each in status.callers] == [
    f"caller_{number}" for number in range(100)
]
""",
    )

    said = programs.lines(finished.stderr)
    assert len([line for line in said if line.startswith("first need: ")]) == 100
    assert said[-1].startswith("1,000 contexts seeded: 1 ")
    # The ten with most contexts are named.
    assert said[-1].count(";") == 10
    assert said[-1].endswith("; 990 elsewhere")


def test_a_single_context_elsewhere_is_counted_too(tmp_path: Path) -> None:
    """The numbers of a line add up."""
    finished = programs.run(
        tmp_path,
        START
        + """
for number, times in enumerate([18, *[9] * 9, 1]):
    source = f"def caller_{number}(): graph.use_scope()"
    exec(compile(source, "generated.py", "exec"))
    for _ in range(times):
        Context().run(globals()[f"caller_{number}"])
""",
    )

    last = programs.lines(finished.stderr)[-1]
    assert last.startswith("100 contexts seeded: 18 ")
    assert last.endswith("; 1 elsewhere")


@posix
def test_no_request_waits_until_standard_error_takes_a_line(tmp_path: Path) -> None:
    """It is asked whether it does, and not until it does."""
    finished = programs.run(
        tmp_path,
        START
        + """
import select
ask, waits = select.select, set()

def asking(*args):
    waits.add(args[3:])
    return ask(*args)

select.select = asking
Context().run(graph.use_scope)
print(waits)
""",
    )

    assert finished.stdout == "{(0,)}\n"


def test_a_caller_is_counted_however_many_there_are(tmp_path: Path) -> None:
    """Only new ones are not told apart any more."""
    programs.run(
        tmp_path,
        START
        + """
for number in [*range(100), 7]:
    source = f"def caller_{number}(): graph.use_scope()"
    exec(compile(source, "generated.py", "exec"))
    Context().run(globals()[f"caller_{number}"])
assert [each.count for each in ididi_scopefix.status().callers] == [
    1 + (number == 7) for number in range(100)
]
""",
    )


def test_threads_say_each_line_once(tmp_path: Path) -> None:
    """Whoever comes first, and no line is torn apart."""
    finished = programs.run(
        tmp_path,
        START
        + """
sys.setswitchinterval(1e-6)
barrier = threading.Barrier(10)

def work():
    barrier.wait()
    for _ in range(100):
        Context().run(graph.use_scope)

threads = [threading.Thread(target=work) for _ in range(10)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
(caller,) = ididi_scopefix.status().callers
assert caller.count == 1000
""",
    )

    said = [line.split(" ")[0] for line in programs.lines(finished.stderr)]
    # A thread may be overtaken by another one between counting and writing.
    assert sorted(said) == ["1,000", "10", "100", "active:", "first"]
    assert len(finished.stderr.splitlines()) == 5


@forks
def test_a_forked_worker_says_for_itself_that_it_is_patched(tmp_path: Path) -> None:
    """With its own pid, and its needs are its own."""
    finished = programs.run(
        tmp_path,
        START
        + """
Context().run(graph.use_scope)
child = os.fork()
if not child:
    assert ididi_scopefix.status().callers == ()
    Context().run(graph.use_scope)
    assert [each.count for each in ididi_scopefix.status().callers] == [1]
    for _ in range(9):
        Context().run(graph.use_scope)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert [each.line for each in ididi_scopefix.status().callers] == [8]
print(os.getpid(), child)
""",
    )

    parent, child = finished.stdout.split()
    said = finished.stderr.splitlines()
    by_parent = [line for line in said if line.startswith(f"ididi-scopefix[{parent}]")]
    by_child = [line for line in said if line.startswith(f"ididi-scopefix[{child}]")]
    assert len(said) == len(by_parent) + len(by_child) == 6
    assert by_child[0] == by_parent[0].replace(parent, child)
    assert ": active: " in by_parent[0]
    assert " at app.py:8 in <module>" in by_parent[1]
    assert " at app.py:12 in <module>" in by_child[1]
    assert "elsewhere" not in by_child[-1]
    assert ": 10 contexts seeded: 9 " in by_child[-1]


@forks
def test_a_fork_before_ididi_is_imported_says_nothing(tmp_path: Path) -> None:
    """There is nothing to say yet."""
    finished = programs.run(
        tmp_path,
        """
        import os
        import ididi_scopefix
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        import ididi
        """,
    )
    assert [line[:7] for line in programs.lines(finished.stderr)] == ["active:"]


def test_switched_off_and_on_again_it_is_not_repeated(tmp_path: Path) -> None:
    """One line for one decision."""
    finished = programs.run(
        tmp_path,
        START + "ididi_scopefix.deactivate(); ididi_scopefix.activate()\n" * 3,
    )
    assert len(programs.lines(finished.stderr)) == 1


def test_what_is_said_does_not_depend_on_logging(tmp_path: Path) -> None:
    """Whether it is configured, disabled or neither."""
    finished = programs.run(
        tmp_path,
        """
        import logging.config, sys
        logging.disable()
        """
        + START.replace("\n", "\n        ")
        + """
        logging.config.dictConfig({"version": 1})
        Context().run(graph.use_scope)
        """,
    )
    assert [line.split(":")[0] for line in programs.lines(finished.stderr)] == [
        "active",
        "first need",
    ]


@pytest.mark.parametrize("closed", [False, True])
def test_logging_gets_the_first_need_and_no_other(tmp_path: Path, closed: bool) -> None:
    """Beside the lines, and also where these can't be written."""
    finished = programs.run(
        tmp_path,
        f"""
        import logging, os, sys
        if {closed}:
            sys.__stderr__.close()
        """
        + START.replace("\n", "\n        ")
        + """
        logging.basicConfig(level=logging.INFO, stream=sys.stdout)
        Context().run(graph.use_scope)
        print("-")
        for _ in range(3):
            Context().run(graph.use_scope)
        """,
    )
    first, _, others = finished.stdout.partition("-")
    assert "first need of a seed" in first
    assert others == "\n"
    needs = [line for line in programs.lines(finished.stderr) if "first need" in line]
    assert len(needs) == (0 if closed else 2)


@pytest.mark.parametrize("mode", ["", "1", "on"])
def test_who_is_not_verbose_says_nothing_and_counts_no_callers(
    tmp_path: Path, mode: str
) -> None:
    """The contexts are counted all the same."""
    finished = programs.run(
        tmp_path,
        START
        + """
import logging
logging.root.setLevel(logging.INFO)  # what a need is reported at
for _ in range(10):
    Context().run(graph.use_scope)
status = ididi_scopefix.status()
assert status.callers == () and status.seeded == 10
""",
        mode=mode,
    )
    assert finished.stderr == ""


# Standard error, in every state that it can be in.

SERVE = (
    START
    + """
def request():
    with graph.scope("request"):
        return graph.use_scope("request").name

for _ in range(1000):
    assert Context().run(request) == "request"
status = ididi_scopefix.status()
assert status.state == "active" and status.seeded == 1000
assert [each.count for each in status.callers] == [1000]
print("served")
"""
)


@pytest.mark.parametrize(
    "without",
    [
        "sys.stderr = sys.__stderr__ = None",
        "sys.stderr.close()",
        "sys.stderr = open(os.devnull, 'w'); sys.__stderr__.close()",
        "os.close(2)",
        "sys.__stderr__ = object()",
        "sys.__stderr__ = __import__('io').StringIO()",
    ],
)
def test_requests_are_served_without_a_standard_error(
    tmp_path: Path, without: str
) -> None:
    """As under ``pythonw``, or in a daemon that has closed it."""
    finished = programs.run(tmp_path, f"import os, sys\n{without}\n{SERVE}")
    assert finished.stdout == "served\n"


@posix
def test_requests_are_served_with_a_standard_error_that_is_full(
    tmp_path: Path,
) -> None:
    """``/dev/full`` takes nothing."""
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    with open("/dev/full", "w") as full:
        finished = programs.run(tmp_path, SERVE, stderr=full)
    assert finished.stdout == "served\n"


FILL = """
import os, sys
os.set_blocking(2, False)
try:
    while True:
        os.write(2, b"-" * 1000)
except BlockingIOError:
    pass
os.set_blocking(2, True)
"""


@posix
def test_requests_do_not_wait_for_who_reads_standard_error(tmp_path: Path) -> None:
    """A pipe that is full, and that nobody empties: a write would wait for ever."""
    assert ididi_scopefix.status().state == "active"  # else the program waits
    reading, writing = os.pipe()
    try:
        finished = programs.run(tmp_path, FILL + SERVE, stderr=writing)
    finally:
        os.close(writing)
        os.close(reading)
    assert finished.stdout == "served\n"


@posix
def test_requests_are_served_when_the_reader_of_standard_error_has_gone(
    tmp_path: Path,
) -> None:
    """A broken pipe raises, and that is nobody's business."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        finished = programs.run(tmp_path, SERVE, stderr=writing)
    finally:
        os.close(writing)
    assert finished.stdout == "served\n"


@pytest.mark.parametrize("name", ["caf\xe9\u2028.py", "two\nlines.py", "\udcff.py"])
def test_file_names_that_are_no_text_stay_on_one_line(
    tmp_path: Path, name: str
) -> None:
    """Whatever the encoding of standard error."""
    finished = programs.run(
        tmp_path,
        START
        + f"""
exec(compile("def need(): graph.use_scope()", {name!a}, "exec"))
Context().run(need)
(caller,) = ididi_scopefix.status().callers
assert caller.file == {name!a}
""",
    )
    first = programs.lines(finished.stderr)[1]
    assert len(finished.stderr.splitlines()) == 2
    assert re.search(r"at \S+\.py:1 in need \(thread MainThread\)$", first), first
    assert first.isprintable()


def test_what_standard_error_can_not_encode_is_escaped(tmp_path: Path) -> None:
    """In an image whose locale is C, for one."""
    finished = programs.run(
        tmp_path,
        "import sys; sys.__stderr__.reconfigure(encoding='ascii')\n"
        + START
        + """
exec(compile("def need(): graph.use_scope()", "caf\\xe9.py", "exec"))
Context().run(need)
""",
    )
    assert r" at caf\xe9.py:1 in need " in programs.lines(finished.stderr)[1]


def test_thread_names_stay_on_one_line(tmp_path: Path) -> None:
    """A name may be anything."""
    finished = programs.run(
        tmp_path,
        START
        + """
thread = threading.Thread(target=graph.use_scope, name="a\\nfailed: \\udcffb")
Context().run(thread.start)
thread.join()
""",
    )
    assert len(finished.stderr.splitlines()) == 2
    assert programs.lines(finished.stderr)[1].endswith(r"(thread a\nfailed: \udcffb)")


def test_a_working_directory_that_is_gone_is_no_error(tmp_path: Path) -> None:
    """Then the file has its whole name."""
    if os.name == "nt":
        pytest.skip("Windows removes no folder that somebody works in")
    finished = programs.run(
        tmp_path,
        START
        + """
gone = os.path.join(os.getcwd(), "gone")
os.mkdir(gone); os.chdir(gone); os.rmdir(gone)
Context().run(graph.use_scope)
""",
    )
    assert f" at {tmp_path / 'app.py'}:10 in <module> " in finished.stderr or (
        " at app.py:10 in <module> " in finished.stderr
    )


@pytest.mark.parametrize("argv", ["['']", "[]", "None"])
def test_a_program_without_a_name_is_called_python(tmp_path: Path, argv: str) -> None:
    """As one that is typed or piped into the interpreter, or embeds it."""
    finished = programs.run(tmp_path, f"import sys; sys.argv = {argv}\n{START}")
    assert finished.stderr.endswith(", python)\n")


@pytest.mark.parametrize("argv", ["['app', None]", "['app', 3]", "None, None"])
def test_arguments_that_are_no_text_are_no_failure(tmp_path: Path, argv: str) -> None:
    """A program may put anything into ``sys.argv``."""
    finished = programs.run(tmp_path, f"import sys; sys.argv = {argv}\n{START}")
    assert [line[:7] for line in finished.stderr.splitlines()] == ["ididi-s"]
    assert finished.stderr.partition("]: ")[2].startswith("active: ")

"""What the shim logs: once when it patches, once when it is needed, and failures."""

from __future__ import annotations

import importlib.metadata

import pytest

from tests import children

pytestmark = pytest.mark.shim

VERSION = importlib.metadata.version("ididi")

NEED = """
from contextvars import Context
import logging, logging.config, os, sys, threading
import ididi_scopefix

class Keeping(logging.Handler):
    def __init__(self, level=logging.NOTSET):
        super().__init__(level)
        self.records = []

    def emit(self, record):
        self.records.append(record)

    @property
    def texts(self):
        return [record.getMessage() for record in self.records]

def build():
    global graph
    import ididi
    graph = Context().run(ididi.Graph)
    assert ididi_scopefix.status().state == "active"

def issue_token():
    graph.use_scope()

def need(times=1):
    for _ in range(times):
        Context().run(issue_token)
"""


def run(program: str) -> str:
    """Run *program* in a child; return what it has written to standard error."""
    return children.run(NEED + program).stderr


def test_it_is_logged_once_that_ididi_is_patched() -> None:
    """At INFO, with the version and the process."""
    run(
        f"""
keeping = Keeping()
logging.basicConfig(level=logging.DEBUG, handlers=[keeping])
build()
(record,) = keeping.records
assert record.name == "ididi_scopefix" and record.levelno == logging.INFO
assert {VERSION!r} in record.getMessage(), record.getMessage()
assert str(os.getpid()) in record.getMessage(), record.getMessage()
"""
    )


@pytest.mark.parametrize("configure", ["early", "late"])
def test_the_first_need_says_what_is_patched_unless_that_was_logged(
    configure: str,
) -> None:
    """Most programs configure logging later than they import ididi."""
    run(
        f"""
keeping = Keeping(logging.INFO)
patched = "ididi {VERSION} is patched"
def configure():
    logging.basicConfig(level=logging.INFO, handlers=[keeping])

if {configure!r} == "early":
    configure(); build(); need()
    before, first = keeping.texts
    assert before == f"{{patched}} (pid {{os.getpid()}})", before
    rest = ""
else:
    build(); configure(); need()
    (first,) = keeping.texts
    rest = f" {{patched}}."
end = f" (pid {{os.getpid()}}, thread MainThread).{{rest}}"
assert first.endswith(end), first
"""
    )


def test_the_logger_s_own_level_counts() -> None:
    """Not that of the root logger, where it has one."""
    run(
        """
build()
keeping, logger = Keeping(), logging.getLogger("ididi_scopefix")
logging.root.setLevel(logging.WARNING)
logger.setLevel(logging.INFO)
logger.addHandler(keeping)
need(2)
(text,) = keeping.texts
assert "first need" in text, text
"""
    )


def test_the_first_need_is_logged_once_and_no_other() -> None:
    """At INFO, with the caller in the program; at DEBUG there is nothing more."""
    run(
        """
build()
keeping = Keeping()
logging.basicConfig(level=1, handlers=[keeping])
thread = threading.Thread(target=need, args=(100,), name="worker-7")
Context().run(thread.start)
thread.join()
(record,) = keeping.records
assert record.levelno == logging.INFO
line = issue_token.__code__.co_firstlineno + 1
for text in (f"<string>:{line} in issue_token", "worker-7", str(os.getpid())):
    assert text in record.getMessage(), record.getMessage()
"""
    )


def test_the_first_need_after_logging_is_configured_is_logged() -> None:
    """Those before it have been nobody's news."""
    run(
        """
build()
need(5)
keeping = Keeping()
logging.basicConfig(level=logging.INFO, handlers=[keeping])
need(5)
assert len(keeping.records) == 1
assert "issue_token" in keeping.texts[0]
assert ididi_scopefix.status().seeded == 10
"""
    )


@pytest.mark.parametrize(
    "deaf",
    [
        "logging.basicConfig(level=logging.WARNING)",
        "logging.basicConfig(level=logging.INFO, handlers=[Keeping(logging.ERROR)])",
        "logging.root.setLevel(logging.INFO)",
        "logging.disable(logging.INFO)",
        "logging.getLogger('ididi_scopefix').setLevel(logging.ERROR)",
        (
            "logging.basicConfig(level=logging.INFO, handlers=[Keeping()]);"
            " logging.getLogger('ididi_scopefix').propagate = False"
        ),
        "logging.config.dictConfig({'version': 1, 'root': {'level': 'INFO'}})",
    ],
)
def test_a_need_that_no_handler_has_taken_is_not_counted_as_logged(deaf: str) -> None:
    """By its level, its propagation, or the lack of a handler."""
    run(
        f"""
build()
{deaf}
need(5)

keeping = Keeping()
logging.disable(logging.NOTSET)
logger = logging.getLogger("ididi_scopefix")
logger.disabled, logger.propagate = False, True
logger.setLevel(logging.NOTSET)
logging.basicConfig(level=logging.INFO, handlers=[keeping], force=True)
need(5)
assert len(keeping.records) == 1, keeping.texts
"""
    )


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("", 0),
        ("'disable_existing_loggers': True,", 0),
        ("'disable_existing_loggers': False,", 1),
    ],
)
def test_dict_config_disables_the_logger_unless_it_is_told_not_to(
    option: str, expected: int
) -> None:
    """The line against it is ``"disable_existing_loggers": False``."""
    run(
        f"""
build()
logging.config.dictConfig({{
    "version": 1, {option}
    "handlers": {{"keep": {{"()": lambda: keeping}}}},
    "root": {{"level": "INFO", "handlers": ["keep"]}},
}}) if (keeping := Keeping()) else None
need(5)
assert len(keeping.records) == {expected}, keeping.texts
"""
    )


def test_a_logger_that_was_disabled_says_the_first_need_when_it_is_enabled() -> None:
    """It was not lost for good."""
    run(
        """
build()
keeping = Keeping()
logging.basicConfig(level=logging.INFO, handlers=[keeping])
logging.getLogger("ididi_scopefix").disabled = True
need(5)
assert keeping.records == []
logging.getLogger("ididi_scopefix").disabled = False
need(5)
assert len(keeping.records) == 1
"""
    )


def test_a_forked_worker_logs_its_own_first_need() -> None:
    """With its own pid."""
    run(
        """
build()
keeping = Keeping()
logging.basicConfig(level=logging.INFO, handlers=[keeping])
need()
assert len(keeping.records) == 1
if hasattr(os, "fork"):
    child = os.fork()
    if not child:
        need(3)
        said = len(keeping.records) == 2 and str(os.getpid()) in keeping.texts[1]
        os._exit(0 if said else 1)
    assert os.waitpid(child, 0)[1] == 0
"""
    )


@pytest.mark.parametrize(
    "missing", ["sys.modules['packaging'] = None", "sys.modules['wrapt'] = None"]
)
def test_a_failure_is_recorded_with_one_warning(missing: str) -> None:
    """With what to do, also where nobody has configured logging."""
    program = f"""
{missing}
import ididi
import ididi.graph
ididi_scopefix.activate()
for _ in range(3):
    assert ididi_scopefix.status().state == "failed"
"""
    stderr = run(program)
    assert "ididi-scopefix is not active: " in stderr
    assert "is missing: pip install" in stderr
    assert len(stderr.splitlines()) == 1

    run(
        f"""
keeping = Keeping()
logging.basicConfig(level=logging.WARNING, handlers=[keeping])
{program}
(record,) = keeping.records
assert record.levelno == logging.WARNING
"""
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("ModuleNotFoundError('no part', name='zlib')", "ModuleNotFoundError: no part"),
        ("ImportError('no symbol', name='packaging')", "ImportError: no symbol"),
    ],
)
def test_a_requirement_that_is_there_and_broken_is_not_called_missing(
    error: str, reason: str
) -> None:
    """To install it again may not help."""
    run(
        f"""
class Broken:
    def find_spec(self, name, path=None, target=None):
        if name == "packaging":
            raise {error}

sys.meta_path.insert(0, Broken())
import ididi.graph
assert ididi_scopefix.status().reason == "{reason}; ididi is as it was."
"""
    )


PAST = """
import importlib.util

def import_past_the_finder():
    finder = next(f for f in sys.meta_path if "ididi_scopefix" in type(f).__module__)
    index = sys.meta_path.index(finder)
    del sys.meta_path[index]
    import ididi, ididi.graph
    sys.meta_path.insert(index, finder)

keeping = Keeping()
logging.basicConfig(level=logging.WARNING, handlers=[keeping])
# Nothing more is imported for it later: with that ididi would be patched.
assert ididi_scopefix.status().state == "waiting"
import_past_the_finder()
"""


def test_an_error_that_nobody_foresaw_is_logged_with_its_traceback() -> None:
    """Once, however often activation is tried."""
    run(
        """
ididi_scopefix.deactivate()
import ididi.graph
del ididi.graph.Resolver
keeping = Keeping()
logging.getLogger("ididi_scopefix").addHandler(keeping)
for _ in range(2):
    assert ididi_scopefix.activate().state == "failed"
(record,) = keeping.records
assert record.levelno == logging.WARNING
assert record.exc_info[0] is AttributeError, record.exc_info
"""
    )


def test_an_ididi_that_was_imported_past_the_finder_is_a_warning_when_known() -> None:
    """The status knows it, and says it once."""
    run(
        PAST
        + """
for _ in range(3):
    assert ididi_scopefix.status().state == "failed"
(record,) = keeping.records
assert record.levelno == logging.WARNING
assert "activate()" in record.getMessage()
"""
    )


def test_a_handler_that_asks_for_the_status_waits_for_nothing() -> None:
    """It is called when no lock is held."""
    run(
        """
class Asking(logging.Handler):
    def emit(self, record):
        def ask():
            states.append(ididi_scopefix.status().state)
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(30)

states = []
logging.basicConfig(level=logging.INFO, handlers=[Asking()])
build()
need()
assert states == ["active", "active"], states
"""
    )


@pytest.mark.parametrize("broken", ["emit", "handle", "filter"])
def test_logging_that_raises_fails_neither_import_nor_request(broken: str) -> None:
    """Whichever part of it does."""
    run(
        f"""
class Broken(logging.Handler):
    def {broken}(self, record):
        raise RuntimeError("a bug of the program's own")

warned = Keeping(logging.WARNING)
logging.basicConfig(level=1, handlers=[warned, Broken()])
build()
need(3)
assert ididi_scopefix.status().seeded == 3
assert warned.texts == []  # nothing of ours has failed
"""
    )


SERVICE = """
calls = []

def send():
    calls.append(graph.use_scope())

class Sending(logging.Handler):
    def emit(self, record):
        {way}

build()
logging.basicConfig(level=logging.INFO, handlers=[Sending()])
# Where it hangs, it is not to take the test with it.
thread = threading.Thread(target=need, daemon=True)
Context().run(thread.start)
thread.join(10)
if thread.is_alive():
    print("a deadlock", file=sys.stderr, flush=True)
    os._exit(1)
assert len(calls) == 1, len(calls)
"""


@pytest.mark.parametrize(
    "way",
    [
        "Context().run(send)",
        (
            "other = threading.Thread(target=send, daemon=True);"
            " Context().run(other.start); other.join()"
        ),
    ],
    ids=["in an empty context", "in another thread"],
)
def test_a_handler_that_needs_a_seed_itself_is_called_once(way: str) -> None:
    """It sends what is logged, by a service of the same graph."""
    run(SERVICE.format(way=way))


def test_a_null_handler_has_taken_nothing() -> None:
    """Libraries add them to be silent."""
    run(
        """
build()
logging.getLogger("ididi_scopefix").addHandler(logging.NullHandler())
logging.root.setLevel(logging.INFO)
need()
keeping = Keeping()
logging.root.addHandler(keeping)
need()
assert len(keeping.records) == 1, keeping.texts
"""
    )


def test_a_record_says_which_function_had_something_to_say() -> None:
    """Not the one through which all of them log."""
    run(
        """
keeping = Keeping()
logging.basicConfig(level=logging.INFO, handlers=[keeping])
build()
need()
os.environ["IDIDI_SCOPEFIX"] = "nope"
ididi_scopefix.deactivate()
ididi_scopefix.activate()
told = {}
for record in keeping.records:
    for words in ("is patched", "is unknown"):
        if words in record.getMessage() and "need" not in record.getMessage():
            told[words] = record.funcName
assert told == {"is patched": "_install", "is unknown": "patch_if_affected"}, told
"""
    )


def test_an_error_of_the_shim_breaks_no_graph() -> None:
    """It costs one warning, and what is asked of the graph is as in plain ididi."""
    run(
        children.LISTEN
        + """
from unittest import mock
from ididi import Graph
from ididi_scopefix import _seeding

def build():
    for graph in [Graph() for _ in range(3)]:
        assert graph.use_scope().name == "__ididi_default_scope__"
        with graph.scope("request") as scope:
            assert graph.use_scope("request") is scope

with mock.patch.object(_seeding, "store_new", side_effect=RuntimeError):
    Context().run(build)
(warning,) = warnings
assert warning.startswith("could not store the default scope of a graph; "), warning
assert ididi_scopefix.status().state == "active"
"""
    )

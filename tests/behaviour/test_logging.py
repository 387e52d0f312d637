"""The first need is logged, once, and so is a failure."""

import pytest

pytestmark = pytest.mark.shim


@pytest.mark.child
def test_the_first_need_is_logged_once() -> None:
    """The record has the caller, the process, the thread and what is patched."""
    import importlib.metadata
    import logging
    import os
    import threading
    from contextvars import Context

    class Keeping(logging.Handler):
        def emit(self, record):
            records.append(record)

    records = []
    logging.basicConfig(level=1, handlers=[Keeping()])
    import ididi

    import ididi_scopefix

    assert records == []  # nothing is logged while ididi is being imported
    graph = Context().run(ididi.Graph)

    def issue_token():
        for _ in range(100):
            Context().run(graph.use_scope)

    thread = threading.Thread(target=issue_token, name="worker-7")
    thread.start()
    thread.join()
    (record,) = records
    assert (record.name, record.levelno) == ("ididi_scopefix", logging.INFO)
    code = issue_token.__code__
    message = record.getMessage()
    assert message.startswith("first need: ")
    assert f"{code.co_filename}:{code.co_firstlineno + 2} in issue_token" in message
    version = importlib.metadata.version("ididi")
    end = f"(pid {os.getpid()}, thread worker-7). ididi {version} is patched."
    assert message.endswith(end), message
    status = ididi_scopefix.status()
    # Who is not verbose has the calls counted, and not the callers.
    assert (status.fallbacks, status.callers) == (100, ())


@pytest.mark.child
def test_the_first_need_is_logged_then_or_never() -> None:
    """A program that configures logging later is not told of a later call."""
    import logging
    from contextvars import Context

    import ididi

    import ididi_scopefix

    class Keeping(logging.Handler):
        def emit(self, record):
            records.append(record)

    records = []
    graph = Context().run(ididi.Graph)
    Context().run(graph.use_scope)
    logging.basicConfig(level=logging.INFO, handlers=[Keeping()])
    Context().run(graph.use_scope)
    assert records == []
    assert ididi_scopefix.status().fallbacks == 2


@pytest.mark.child
def test_a_failure_is_one_warning_and_its_traceback_at_debug() -> None:
    """The warning says what to do; the traceback is for who looks for it."""
    import logging
    import sys

    import ididi_scopefix

    class Keeping(logging.Handler):
        def emit(self, record):
            records.append(record)

    records = []
    logging.basicConfig(level=logging.DEBUG, handlers=[Keeping()])
    sys.modules["wrapt"] = None
    import ididi

    assert ididi.Graph()  # it is imported all the same
    for _ in range(2):
        assert ididi_scopefix.activate().state == "failed"
    reason = "wrapt is missing: python -m pip install wrapt; ididi is as it was."
    assert ididi_scopefix.status().reason == reason
    warning, debug = (each for each in records if each.name == "ididi_scopefix")
    assert warning.levelno == logging.WARNING
    assert warning.getMessage() == f"ididi-scopefix is not active: {reason}"
    assert warning.exc_info is None
    assert debug.levelno == logging.DEBUG
    assert issubclass(debug.exc_info[0], ImportError)

"""The first need is logged, once, and so is a failure."""

import pytest

pytestmark = pytest.mark.shim


@pytest.mark.child
def test_the_first_need_is_logged_once() -> None:
    """The record has the caller, the process, the thread and what is patched."""
    import importlib.metadata
    import logging.handlers
    import os
    import threading
    from contextvars import Context

    kept = logging.handlers.BufferingHandler(100)
    logging.basicConfig(level=1, handlers=[kept])
    import ididi

    import ididi_scopefix

    assert kept.buffer == []  # nothing is logged while ididi is being imported
    graph = Context().run(ididi.Graph)

    def issue_token():
        for _ in range(100):
            Context().run(graph.use_scope)

    thread = threading.Thread(target=issue_token, name="worker-7")
    thread.start()
    thread.join()
    (record,) = kept.buffer
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
    import logging.handlers
    from contextvars import Context

    import ididi

    import ididi_scopefix

    kept = logging.handlers.BufferingHandler(100)
    graph = Context().run(ididi.Graph)
    Context().run(graph.use_scope)
    logging.basicConfig(level=logging.INFO, handlers=[kept])
    Context().run(graph.use_scope)
    assert kept.buffer == []
    assert ididi_scopefix.status().fallbacks == 2


@pytest.mark.child
def test_a_failure_is_one_warning_and_its_traceback_at_debug() -> None:
    """The warning says what to do; the traceback is for who looks for it."""
    import logging.handlers
    import sys

    import ididi_scopefix

    kept = logging.handlers.BufferingHandler(100)
    logging.basicConfig(level=logging.DEBUG, handlers=[kept])
    sys.modules["wrapt"] = None
    import ididi

    assert ididi.Graph()  # it is imported all the same
    for _ in range(2):
        assert ididi_scopefix.activate().state == "failed"
    reason = "wrapt is missing: python -m pip install wrapt; ididi is as it was."
    assert ididi_scopefix.status().reason == reason
    warning, debug = (each for each in kept.buffer if each.name == "ididi_scopefix")
    assert warning.levelno == logging.WARNING
    assert warning.getMessage() == f"ididi-scopefix is not active: {reason}"
    assert warning.exc_info is None
    assert debug.levelno == logging.DEBUG
    assert issubclass(debug.exc_info[0], ImportError)


@pytest.mark.child(env={"IDIDI_SCOPEFIX": "verbose"}, err=None)
def test_an_interrupt_while_the_first_need_is_logged_passes() -> None:
    """The context is empty again; the next call is answered, and logged no more."""
    import logging
    from contextvars import Context

    from ididi import Graph

    import ididi_scopefix

    class Interrupted(logging.Handler):
        def emit(self, record):
            raise KeyboardInterrupt

    logging.basicConfig(level=logging.INFO, handlers=[Interrupted()])
    graph, other = Context().run(Graph), Context().run(Graph)
    context, interrupted = Context(), False
    try:
        context.run(graph.use_scope)
    except KeyboardInterrupt:
        interrupted = True
    assert interrupted
    for each in (graph, other):
        context.run(each.use_scope)
    assert len(context) == 0
    assert ididi_scopefix.status().fallbacks == 3

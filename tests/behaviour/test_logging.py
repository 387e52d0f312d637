"""The first need is logged, once, and so is a failure."""

import os

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


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("how", ["level", "disable", "propagate"])
@pytest.mark.child
def test_what_logging_suppresses_is_not_logged(how: str, when: str) -> None:
    """The first need is one, whether logging is configured then or later."""
    import logging
    from contextvars import Context

    import ididi

    import ididi_scopefix

    class Keeping(logging.Handler):
        def emit(self, record):
            records.append(record)

    records = []
    logger = logging.getLogger("ididi_scopefix")
    graph = Context().run(ididi.Graph)
    if when == "after":
        Context().run(graph.use_scope)
        logging.basicConfig(level=logging.INFO, handlers=[Keeping()])
    else:
        logging.basicConfig(level=logging.INFO, handlers=[Keeping()])
        if how == "level":
            logger.setLevel(logging.WARNING)
        elif how == "disable":
            logging.disable(logging.INFO)
        else:
            logger.propagate = False
        Context().run(graph.use_scope)
    Context().run(graph.use_scope)
    assert records == []
    assert ididi_scopefix.status().fallbacks == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork()")
@pytest.mark.child
def test_a_forked_worker_logs_its_own_first_need() -> None:
    """The record has the worker's process number."""
    import logging
    import os
    from contextvars import Context

    import ididi

    class Keeping(logging.Handler):
        def emit(self, record):
            texts.append(record.getMessage())

    texts = []
    logging.basicConfig(level=logging.INFO, handlers=[Keeping()])
    graph = Context().run(ididi.Graph)
    Context().run(graph.use_scope)
    assert len(texts) == 1
    worker = os.fork()
    if not worker:
        for _ in range(3):
            Context().run(graph.use_scope)
        said = len(texts) == 2 and f"pid {os.getpid()}" in texts[1]
        os._exit(0 if said else 1)
    assert os.waitpid(worker, 0)[1] == 0


@pytest.mark.parametrize("missing", ["wrapt", "ididi.graph"])
@pytest.mark.child
def test_a_failure_is_one_warning_and_its_traceback_at_debug(missing: str) -> None:
    """The warning says what to do; the traceback is for who looks for it."""
    import logging
    import sys

    import ididi_scopefix

    class Keeping(logging.Handler):
        def emit(self, record):
            records.append(record)

    records = []
    logging.basicConfig(level=logging.DEBUG, handlers=[Keeping()])
    if missing == "wrapt":
        sys.modules["wrapt"] = None
        reason = "wrapt is missing: python -m pip install wrapt; ididi is as it was."
    else:
        ididi_scopefix.deactivate()
        import ididi.graph

        del ididi.graph.SyncScope
        reason = "has other internals (KeyError: 'SyncScope'): "
    import ididi.graph

    for _ in range(2):
        assert ididi_scopefix.activate().state == "failed"
    assert reason in ididi_scopefix.status().reason
    warning, debug = (each for each in records if each.name == "ididi_scopefix")
    assert warning.levelno == logging.WARNING
    assert warning.getMessage().startswith("ididi-scopefix is not active: ")
    assert reason in warning.getMessage()
    assert "\n" not in warning.getMessage()
    assert warning.exc_info is None
    assert debug.levelno == logging.DEBUG
    assert issubclass(debug.exc_info[0], (ImportError, KeyError))


@pytest.mark.child(
    err="ididi-scopefix is not active: wrapt is missing:"
    " python -m pip install wrapt; ididi is as it was.\n"
)
def test_a_failure_is_seen_where_logging_is_not_configured() -> None:
    """It is one line, and ididi is imported all the same."""
    import sys

    sys.modules["wrapt"] = None
    import ididi

    assert ididi.Graph()


@pytest.mark.child
def test_a_handler_may_import_ididi_itself() -> None:
    """It connects at its first record, in another thread, while ididi is imported."""
    import logging
    import threading

    class Handler(logging.Handler):
        sink = None

        def emit(self, record):
            if self.sink is None:
                began.set()
                from ididi import Graph

                Handler.sink = Graph()

    began = threading.Event()
    logging.basicConfig(level=logging.INFO, handlers=[Handler()])
    thread = threading.Thread(target=logging.info, args=("heartbeat",), daemon=True)
    thread.start()
    began.wait(30)
    import ididi  # noqa: F401

    import ididi_scopefix

    thread.join(30)
    assert not thread.is_alive()
    assert ididi_scopefix.status().state == "active"

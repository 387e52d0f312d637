"""What has to be restarted after the installation, tried with real servers."""

from __future__ import annotations

import os
import re
import signal
import sys
import sysconfig
from contextlib import suppress
from pathlib import Path

import pytest

from tests import environments
from tests.docs import recipes
from tests.docs.markdown import RECIPES, Document
from tests.serving import Server, polled

pytestmark = pytest.mark.skipif(
    recipes.ENVIRONMENT != recipes.SERVERS, reason="needs servers to restart"
)

GUNICORN = "gunicorn app:app --workers 2 --worker-class uvicorn_worker.UvicornWorker"
PRELOADED = f"{GUNICORN} --preload"
UVICORN = "uvicorn app:app --workers 2"


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A folder with the application of the recipes, and an environment."""
    (app,) = (each for each in Document(RECIPES).blocks if each.name == "app.py")
    (tmp_path / "app.py").write_text(app.text, encoding="utf-8")
    environment = environments.create(tmp_path / "environment")
    # Everything that the tests have is found there, and no start-up file of it.
    path = f"{sysconfig.get_path('purelib')}\n"
    (environment.packages / "tests.pth").write_text(path, encoding="utf-8")
    return tmp_path


def serving(command: str, service: Path) -> Server:
    """Return a server, to be started by the interpreter of the environment."""
    environment = environments.Environment(service / "environment")
    # By its script, as everybody starts it: gunicorn starts itself again by that.
    scripts = Path(sys.executable).parent
    return recipes.started(f"{environment.python} {scripts}/{command}", service)


def install(service: Path, wheels: Path) -> None:
    """Install the shim under the running server."""
    environment = environments.Environment(service / "environment")
    options = ("--no-index", "--no-deps", "--ignore-installed", "--quiet")
    environment.pip("install", *options, f"--find-links={wheels}", "ididi-scopefix")


def answers_200(server: Server, times: int) -> bool:
    """Wait until so many requests in a row are answered 200."""
    streak = 0
    for _ in polled(60):
        with suppress(OSError):  # between two processes
            status = server.request("GET", "/").status
            streak = streak + 1 if status == 200 else 0
        if streak == times:
            return True
    return False


def wait_for_new_workers(server: Server) -> None:
    """Wait until there are two more than before."""
    for _ in polled(60):
        if server.log().count("Application startup complete") >= 4:
            return
    raise AssertionError(server.log())


def main_process(server: Server) -> int:
    """Return the id of the process that was started first, from the log."""
    pattern = r"Started parent process \[(\d+)\]|Listening at: \S+ \((\d+)\)"
    found = re.search(pattern, server.log())
    assert found is not None
    return int(found[1] or found[2])


@pytest.mark.parametrize("command", [GUNICORN, PRELOADED])
def test_gunicorn_has_the_shim_after_usr2_and_not_after_hup(
    command: str, service: Path, wheels: Path
) -> None:
    """HUP forks workers from a process that was started before."""
    with serving(command, service) as server:
        assert server.request("GET", "/").status == 500
        install(service, wheels)
        main = main_process(server)

        os.kill(main, signal.SIGHUP)
        wait_for_new_workers(server)
        after_hup = {server.request("GET", "/").status for _ in range(8)}

        os.kill(main, signal.SIGUSR2)
        seen_usr2 = answers_200(server, times=1)
        os.kill(main, signal.SIGTERM)
        # The old workers may answer a few more requests.
        after_usr2 = answers_200(server, times=20)

    assert after_hup == {500}
    assert seen_usr2
    assert after_usr2


def test_hup_is_enough_for_the_workers_of_uvicorn(service: Path, wheels: Path) -> None:
    """It spawns them, and each of them reads the start-up file."""
    with serving(UVICORN, service) as server:
        assert server.request("GET", "/").status == 500
        install(service, wheels)

        os.kill(main_process(server), signal.SIGHUP)
        wait_for_new_workers(server)
        after_hup = answers_200(server, times=20)

    assert after_hup

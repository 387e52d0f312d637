"""Whether the shim is there before a program runs, by which file, and since when."""

from __future__ import annotations

import os
import site
import sys
import time
from datetime import datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import files as files_of
from typing import Any, NamedTuple, Optional

from ididi_scopefix.command import child


class StartUpFile(NamedTuple):
    """A file that can load the shim, whether it does, and why it does not."""

    path: str
    in_force: bool
    reason: str = ""


def ask() -> dict[str, Any]:
    """Ask a child whether it has the shim when it has started.

    Returns:
        The answer under ``"loaded"``; ``None``, and an ``"error"``, if it isn't known.
    """
    found = child.ask(
        "from importlib.util import find_spec",
        "{'loaded': 'ididi_scopefix' in sys.modules,"
        " 'found': find_spec('ididi_scopefix') is not None}",
    )
    if not found.get("found"):
        return {"loaded": None, "error": found.get("error", child.NOT_FOUND)}
    return found


def files(loaded: Optional[bool]) -> list[StartUpFile]:
    """Return each ``ididi-scopefix.pth``; *loaded* is the answer of :func:`ask`."""
    listed = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    folders = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    # Elsewhere a line is executed if somebody has called site.addsitedir(), as PEX
    # does: so it is if the shim is loaded and nothing else explains it.
    reasons = {None: "not known", False: "this interpreter does not process it"}
    reason = reasons.get(loaded, "")
    paths = _paths(folders) or _paths([each for each in sys.path if each not in listed])
    found = [StartUpFile(path, bool(loaded), reason) for path in paths]
    reason = "start-up files are not processed in folders on PYTHONPATH"
    ignored = _paths([each for each in listed if each not in folders])
    return found + [StartUpFile(path, False, reason) for path in ignored]


def _paths(folders: list[str]) -> list[str]:
    # An empty name is that of the current folder, which may have been deleted.
    paths = (os.path.join(each, "ididi-scopefix.pth") for each in folders if each)
    return [path for path in dict.fromkeys(paths) if os.path.isfile(path)]


def since(found: list[StartUpFile]) -> Optional[datetime]:
    """Return when the first file in force was put there."""
    times = [os.stat(file.path).st_mtime for file in found if file.in_force]
    if not times:
        return None
    # uv links files from its cache, with the time that they have there. RECORD is new.
    try:
        listed = files_of("ididi-scopefix") or []
    except PackageNotFoundError:
        listed = []
    records = [each.locate() for each in listed if each.name == "RECORD"]
    moment = max([min(times), *(os.stat(each).st_mtime for each in records)])
    return datetime.fromtimestamp(int(moment)).astimezone()


def about_older_processes(moment: Optional[datetime]) -> list[str]:
    """Return a sentence about processes from before *moment*, if there can be any."""
    if moment is None or moment.timestamp() <= _first_process():
        return []
    is_today = moment.date() == datetime.now().date()
    told = moment.strftime("%H:%M" if is_today else "%Y-%m-%d %H:%M")
    return [f"Processes started before {told} do not have it: restart them."]


def _first_process() -> float:
    """Return when the first process has started here, 0 where nobody tells.

    Where an image has the shim, no process of its containers is older.
    """
    if sys.platform != "linux":
        return 0
    try:
        with open("/proc/1/stat", encoding="utf-8") as file:
            ticks = int(file.read().rpartition(")")[2].split()[19])
    except OSError:
        return 0
    booted = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    return booted + ticks / os.sysconf("SC_CLK_TCK")

"""Which start-up files activate the shim in this interpreter."""

from __future__ import annotations

import os
import site
import sys
from typing import NamedTuple, Optional

from ididi_scopefix import run

# PEP 829: from this version on the .start file replaces the .pth's import line.
_READS_START_FILES = sys.version_info >= (3, 15)


class StartUpFile(NamedTuple):
    """A file that can activate the shim before a program starts.

    Attributes:
        path: where it is.
        in_force: whether this interpreter executes it when it starts.
        reason: why not, or what has put it there; may be empty.
    """

    path: str
    in_force: bool
    reason: str = ""


def find() -> list[StartUpFile]:
    """Return the start-up files of this interpreter, those not in force too."""
    return [*_beside_packages(), *_customizations()]


def _beside_packages() -> list[StartUpFile]:
    """Find ``ididi-scopefix.pth`` and ``.start`` wherever packages can be."""
    processed = _processed_folders()
    # An empty entry is the current folder, which is nobody's site-packages and
    # may have been deleted.
    folders = dict.fromkeys([*processed, *filter(None, sys.path)])
    found: list[StartUpFile] = []
    for folder in folders:
        line = os.path.join(folder, "ididi-scopefix.pth")
        entry = os.path.join(folder, "ididi-scopefix.start")
        replaced = _READS_START_FILES and os.path.isfile(entry)
        for path, ignored in (
            (line, "the .start file beside it replaces it" if replaced else ""),
            (entry, "" if _READS_START_FILES else "for Python 3.15 and newer"),
        ):
            if not os.path.isfile(path):
                continue
            if sys.flags.no_site:
                ignored = "this interpreter runs without site (-S)"
            elif folder not in processed:
                ignored = "start-up files are not processed in this folder"
            found.append(StartUpFile(path, not ignored, ignored))
    return found


def _processed_folders() -> list[str]:
    """Return the folders in which site processes start-up files."""
    folders = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    return folders


def _customizations() -> list[StartUpFile]:
    """Find the sitecustomize and usercustomize that name this package."""
    found: list[StartUpFile] = []
    if not sys.flags.ignore_environment and not sys.flags.no_site:
        entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        if run.FOLDER in entries:
            path = os.path.join(run.FOLDER, "sitecustomize.py")
            found.append(StartUpFile(path, True, "put there by ididi-scopefix run"))
    for name in ("sitecustomize", "usercustomize"):
        source = _file_of(name)
        if source is not None and _names_this_package(source):
            found.append(StartUpFile(source, True))
    return found


def _file_of(name: str) -> Optional[str]:
    """Return the source of the module *name*, if site has imported it."""
    return getattr(sys.modules.get(name), "__file__", None)


def _names_this_package(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return b"ididi_scopefix" in file.read()
    except OSError:
        return False

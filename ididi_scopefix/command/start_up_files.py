"""Which start-up files activate the shim in this interpreter."""

from __future__ import annotations

import os
import site
import sys
from typing import NamedTuple, Optional

from ididi_scopefix.command import BOOTSTRAP, child

NAME = "ididi-scopefix.pth"

LINES_IGNORED = (
    "Python 3.18 and newer ignore import lines of .pth files: import ididi_scopefix"
    " in the program, or in a sitecustomize.py on PYTHONPATH."
)

# Runs site's own code in a child that was started without it, and lists which
# files that code opens. Nothing else knows all of them: a line in another .pth,
# or a sitecustomize, can call site.addsitedir() for any folder.
_TRACE = f"""
import sys

read = []

def note(event, arguments):
    if event == "open" and str(arguments[0]).endswith({NAME!r}):
        read.append(str(arguments[0]))

sys.addaudithook(note)
import site
site.main()
answer = {{"loaded": "ididi_scopefix" in sys.modules, "read": read}}
import json
print("\\n" + sys.argv[1] + json.dumps(answer), flush=True)
"""


class StartUpFile(NamedTuple):
    """A file that can activate the shim before a program starts.

    Attributes:
        path: where it is.
        in_force: whether this interpreter executes it when it starts.
        reason: why it is executed or not, where that isn't obvious; may be empty.
    """

    path: str
    in_force: bool
    reason: str = ""


class StartUp(NamedTuple):
    """What this interpreter does about the shim when it starts.

    Attributes:
        loaded: whether the shim is loaded before the program runs.
        files: the start-up files, those that are not in force too.
    """

    loaded: bool
    files: list[StartUpFile]


def ignores_import_lines() -> bool:
    """Tell whether this Python ignores import lines of ``.pth`` files.

    From PEP 829: they are executed silently up to 3.17 and ignored from 3.18 on.
    """
    return sys.version_info >= (3, 18)


def find() -> StartUp:
    """Find out what this interpreter does about the shim when it starts."""
    if sys.flags.no_site:
        reason = "this interpreter runs without site (-S)"
        return StartUp(
            False, [StartUpFile(path, False, reason) for path in _beside_packages([])]
        )
    try:
        answer = child.ask(_TRACE, options=("-S",))
    except child.ChildError as error:
        reason = f"can't be tried: {error}"
        return StartUp(
            False, [StartUpFile(path, False, reason) for path in _beside_packages([])]
        )
    loaded, read = answer["loaded"], answer["read"]
    files = [_judged(path, read) for path in _beside_packages(read)]
    return StartUp(loaded, [*files, *_customizations(loaded)])


def _beside_packages(read: list[str]) -> list[str]:
    """Return each ``ididi-scopefix.pth``, wherever packages can be."""
    # An empty entry is the current folder, which is nobody's site-packages and
    # may have been deleted.
    folders = [*_site_folders(), *filter(None, sys.path)]
    paths = [os.path.join(folder, NAME) for folder in folders]
    return [path for path in dict.fromkeys([*paths, *read]) if os.path.isfile(path)]


def _judged(path: str, read: list[str]) -> StartUpFile:
    """Tell whether the line in *path* is executed."""
    if path not in read:
        return StartUpFile(path, False, "start-up files are not processed there")
    if ignores_import_lines():
        return StartUpFile(path, False, LINES_IGNORED)
    added = os.path.dirname(path) not in _site_folders()
    return StartUpFile(path, True, "read through site.addsitedir()" if added else "")


def _site_folders() -> list[str]:
    """Return the folders in which site always processes start-up files."""
    folders = site.getsitepackages()
    if site.ENABLE_USER_SITE:
        folders.append(site.getusersitepackages())
    return folders


def _customizations(loaded: bool) -> list[StartUpFile]:
    """Find the sitecustomize and usercustomize that name this package."""
    found: list[StartUpFile] = []
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if BOOTSTRAP in entries and not sys.flags.ignore_environment:
        path = os.path.join(BOOTSTRAP, "sitecustomize.py")
        found.append(StartUpFile(path, loaded, "put there by ididi-scopefix run"))
    for name in ("sitecustomize", "usercustomize"):
        source = _file_of(name)
        if source is not None and _names_this_package(source):
            found.append(StartUpFile(source, loaded))
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

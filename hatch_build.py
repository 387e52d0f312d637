"""Has the sdist hold what git tracks, and nothing else.

Hatchling packs every file that ``.gitignore`` does not name, also one that
somebody left in the checkout and forgot. This hook runs for sdists only: building
a wheel runs no code of this project.
"""

from __future__ import annotations

import os
import subprocess
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class TrackedFiles(BuildHookInterface[Any]):
    """Names the files of the sdist; pyproject.toml excludes all others."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to what is packed.

        Raises:
            RuntimeError: they can't be told, or the package is not among them.
        """
        for name in files(self.root):
            build_data["force_include"][os.path.join(self.root, name)] = name


NEEDED = ("ididi-scopefix.pth", "ididi_scopefix/__init__.py")
"""Without these there is nothing to install."""

REPOSITORY = (
    "GIT_COMMON_DIR",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_WORK_TREE",
)
"""A git hook sets these: git would list the files of the hook's repository."""


def files(root: str) -> list[str]:
    """Return the files in *root* that are the project's, relative to it.

    Raises:
        RuntimeError: git can't list them, or the package is not among them.
    """
    if os.path.exists(os.path.join(root, ".git")):
        names = _tracked(root)
    else:
        # An sdist that was unpacked, or another copy without git. Its files may
        # not be alone there either, so hidden ones and those of tools stay out.
        names = _found(root)
    for name in NEEDED:
        if name not in names:
            raise RuntimeError(f"the sdist would lack {name}")
    return sorted(names)


def _tracked(root: str) -> list[str]:
    # Not the repository around this one, in case this one is broken.
    ceiling = os.path.dirname(os.path.realpath(root))
    kept = {name: os.environ[name] for name in os.environ if name not in REPOSITORY}
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"],
            cwd=root,
            env={**kept, "GIT_CEILING_DIRECTORIES": ceiling},
            check=True,
            capture_output=True,
        )
    except (OSError, subprocess.CalledProcessError) as error:
        reason = getattr(error, "stderr", b"") or str(error).encode()
        raise RuntimeError(
            "the sdist holds what git tracks, and git can't list it: "
            + reason.decode(errors="replace").strip()
        ) from error
    names = listed.stdout.decode().split("\0")
    # A file that was deleted and not committed is still listed.
    return [name for name in names if os.path.isfile(os.path.join(root, name))]


HIDDEN = (".ci", ".gitattributes", ".github", ".gitignore")
TOOLS = ("__pycache__", "build", "dist", "PKG-INFO")


def _found(root: str) -> list[str]:
    names = []
    for folder, folders, here in os.walk(root):
        folders[:] = [name for name in folders if _is_ours(name)]
        names += [
            os.path.relpath(os.path.join(folder, name), root).replace(os.sep, "/")
            for name in here
            if _is_ours(name)
        ]
    return names


def _is_ours(name: str) -> bool:
    if name in TOOLS:
        return False
    return name in HIDDEN or not name.startswith(".")

"""Whether other users can read the shim wherever they can read ididi."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Optional


def unreadable(names: Sequence[str]) -> Optional[str]:
    """Return a sentence about what others can't read of the shim, or ``None``.

    A service often runs as another user than the one who installs packages. If
    that user can read ididi but not the shim, its programs run without the shim,
    and Python says nothing about it.

    Args:
        names: the packages that have to be readable where ididi is.
    """
    ididi = _folder("ididi")
    if os.name != "posix" or ididi is None:
        return None
    folders = list(filter(None, map(_folder, names)))
    # First the users who don't belong to the group of ididi's folder, then those
    # who do.
    for group in (None, ididi.stat().st_gid):
        for folder in folders:
            # Whoever can't read the folder that both are in is no user of ididi.
            shared = Path(os.path.commonpath((ididi, folder)))
            if _obstacle(ididi, group, shared) is not None:
                continue
            for path in _files(folder):
                obstacle = _obstacle(path, group, shared)
                if obstacle is not None:
                    return _sentence(obstacle, folder, group)
    return None


def _sentence(obstacle: Path, folder: Path, group: Optional[int]) -> str:
    """Say who can't read *obstacle*, which is on the way to *folder* or in it."""
    found = obstacle.stat()
    users = "Other users" if group is None else f"Members of group {group}"
    said = (
        f"{users} can read ididi but not {obstacle} (mode"
        f" {stat.S_IMODE(found.st_mode):04o}), so their programs run without the"
    )
    if obstacle in folder.parents:
        return f"{said} shim: install it where ididi is."
    mode = "g+rX" if found.st_gid == group else "o+rX"
    return f"{said} shim: chmod -R {mode} {obstacle}"


def _files(folder: Path) -> Iterator[Path]:
    """Return a package's folders and files, and its start-up file."""
    yield folder
    # Bytecode that can't be read is made anew.
    yield from (p for p in folder.rglob("*") if "__pycache__" not in p.parts)
    line = folder.parent / "ididi-scopefix.pth"
    if folder.name == "ididi_scopefix" and line.exists():
        yield line


def _obstacle(path: Path, group: Optional[int], below: Path) -> Optional[Path]:
    """Return the first of *path* and its parents that others can't use.

    Args:
        path: what is to be read.
        group: the group of the users in question; ``None`` for those who don't
            belong to it.
        below: the folder at which to stop.
    """
    if not _allows(path, group, stat.S_IROTH):
        return path
    for parent in path.parents:
        if parent == below:
            return None
        if not _allows(parent, group, 0):
            return parent
    return None


def _allows(path: Path, group: Optional[int], need: int) -> bool:
    """Tell whether *path* has the bits in *need*; a folder needs that of search."""
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        need |= stat.S_IXOTH
    if found.st_gid == group:
        need <<= 3
    return found.st_mode & need == need


def _folder(name: str) -> Optional[Path]:
    """Return the folder of the package *name*, without importing it."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).resolve().parent

"""Other releases of ididi than the one that is installed, in folders.

The real ones come from the package index; the ones that don't exist yet are
copies of the installed one, edited.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path


def download(version: str, folder: Path, *options: str) -> Path:
    """Install ididi *version* into *folder*, and return it."""
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    target = ("install", "--no-deps", f"--target={folder}", f"ididi=={version}")
    subprocess.run([*pip, *target, *options], check=True, capture_output=True)
    return folder


def invent(
    version: str | None,
    folder: Path,
    *edits: tuple[str, str],
    own: str | None = None,
) -> Path:
    """Put an edited copy of the installed ididi into *folder*, and return it.

    Args:
        version: what its metadata say, ``None`` for no metadata.
        folder: where to put it.
        edits: replacements in ``graph.py``, each of which has to be found.
        own: what its own ``VERSION`` says, ``None`` if it says nothing.
    """
    spec = importlib.util.find_spec("ididi")
    assert spec is not None
    package = folder / "ididi"
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(str(spec.origin)).parent, package, ignore=ignore)
    graph = package / "graph.py"
    source = graph.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in source
        source = source.replace(old, new)
    graph.write_text(source, encoding="utf-8")
    init = package / "__init__.py"
    source = init.read_text(encoding="utf-8")
    source, found = re.subn(r"(?m)^VERSION\b.*$", f"VERSION = {own!r}", source)
    assert found == 1
    init.write_text(source, encoding="utf-8")
    if version is not None:
        put_metadata(folder, version)
    return folder


def put_metadata(folder: Path, version: str, name: str = "ididi") -> Path:
    """Put metadata into *folder*, and return the folder that they are in."""
    metadata = folder / f"{name}-{version}.dist-info"
    metadata.mkdir()
    text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (metadata / "METADATA").write_text(text, encoding="utf-8")
    return metadata


READS = "_SCOPE_CONTEXT.get()"
READS_DEFAULT = "_SCOPE_CONTEXT.get(self._type_registry.default)"
SETS = "        self._token = _SCOPE_CONTEXT.set(default_scope)\n"
FIXED = (
    (READS, READS_DEFAULT),
    (SETS, f"        self._type_registry.default = default_scope\n{SETS}"),
)
"""The edits of a release that answers in every context by itself."""

"""Other releases of ididi than the one that is installed, in folders.

The real ones come from the package index; the ones that don't exist yet are
copies of the installed one, edited.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


def download(version: str, folder: Path, *options: str) -> Path:
    """Install ididi *version* into *folder*, and return it."""
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--disable-pip-version-check",
            "--target",
            str(folder),
            *options,
            f"ididi=={version}",
        ],
        check=True,
        capture_output=True,
    )
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
        own: what its own ``VERSION`` says, ``None`` to have none.
    """
    spec = importlib.util.find_spec("ididi")
    assert spec is not None
    assert spec.origin is not None
    package = folder / "ididi"
    shutil.copytree(
        Path(spec.origin).parent,
        package,
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    graph = package / "graph.py"
    source = graph.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in source
        source = source.replace(old, new)
    graph.write_text(source, encoding="utf-8")
    init = package / "__init__.py"
    lines = init.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("VERSION")]
    assert len(kept) == len(lines) - 1
    if own is not None:
        kept.append(f"VERSION = {own!r}")
    init.write_text("\n".join(kept) + "\n", encoding="utf-8")
    if version is not None:
        metadata = folder / f"ididi-{version}.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: ididi\nVersion: {version}\n",
            encoding="utf-8",
        )
    return folder


FIXED = (
    ("previous_scope = _SCOPE_CONTEXT.get()", "previous_scope = self._current()"),
    ("scope = _SCOPE_CONTEXT.get()\n", "scope = self._current()\n"),
    (
        "    # =================  Public =================\n",
        (
            "    def _current(self):\n"
            "        default = self._type_registry.__dict__.get('default')\n"
            "        return _SCOPE_CONTEXT.get(default)\n\n"
        ),
    ),
    (
        "        self._token = _SCOPE_CONTEXT.set(default_scope)",
        (
            "        self._type_registry.default = default_scope\n"
            "        self._token = _SCOPE_CONTEXT.set(default_scope)"
        ),
    ),
)
"""The edits of a release that answers in every context by itself."""


class Told(NamedTuple):
    """What the shim makes of an ididi; see ``telling.py``."""

    state: str
    reason: str
    version: str | None
    version_before: str | None
    patched: list[str]
    replaced: bool
    logged: list[list[str]]
    tracebacks: list[str]
    raises: bool | str

    def failed(self) -> bool:
        """Tell whether ididi is as it was, and one line at WARNING says why."""
        levels = [level for level, _ in self.logged if level != "DEBUG"]
        message = f"ididi-scopefix is not active: {self.reason}"
        return (
            self.state == "failed"
            and not self.replaced
            and "ididi is as it was" in self.reason
            and "\n" not in self.reason
            and levels == ["WARNING"]
            and self.logged[0] == ["WARNING", message]
            and self.tracebacks == ["DEBUG"]
        )

    def is_active(self) -> bool:
        """Tell whether ididi is patched, and nothing was said but by the first need."""
        return self.state == "active" and self.replaced and self.logged == []

    def is_left_alone(self) -> bool:
        """Tell whether ididi is as it was without a word."""
        return self.state == "inactive" and not self.replaced and self.logged == []


def tell(folder: Path, *arguments: str) -> Told:
    """Return what the shim makes of the ididi in *folder*."""
    path = os.pathsep.join(
        filter(None, (str(folder), os.environ.get("PYTHONPATH"), str(ROOT)))
    )
    child = subprocess.run(
        [sys.executable, str(ROOT / "tests" / "telling.py"), *arguments],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert child.returncode == 0, child.stderr
    assert child.stderr == ""
    return Told(**json.loads(child.stdout))

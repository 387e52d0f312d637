"""Other releases of ididi than the one that is installed, in folders.

The real ones come from the package index; the ones that don't exist yet are
copies of the installed one, edited.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests import children


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


TELL = (
    children.LISTEN
    + """
import json
import ididi_scopefix
before = ididi_scopefix.status()
import ididi, ididi.graph
status = ididi_scopefix.status()

from contextvars import Context

def raises():
    try:
        graph = ididi.Graph()
        Context().run(graph.use_scope)
    except LookupError:
        return True
    except Exception as error:
        return type(error).__name__
    return False

print(json.dumps({
    "state": status.state,
    "reason": status.reason,
    "version": status.ididi_version,
    "version_before": before.ididi_version,
    "patched": list(status.patched),
    "raises": raises(),
    "warnings": warnings,
}))
"""
)
"""Says what the shim makes of ididi, as JSON."""


def tell(folder: Path, program: str = TELL) -> dict[str, object]:
    """Return what the shim makes of the ididi in *folder*."""
    output = children.run(program, path=folder).stdout
    told: dict[str, object] = json.loads(output)
    return told

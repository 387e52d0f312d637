"""Puts two sources of ididi into a folder: ``before`` and ``after`` the patch.

``python -m lab.upstream.source SHAPE FOLDER``; the patches are in ``docs/upstream``.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

RELEASE = "1.8.4"
NEXT = "1.8.5"
"""What the patched source calls itself: newer than every release there is."""

PATCHES = Path(__file__).parents[2] / "docs" / "upstream"
TESTS = "tests/*"
"""The part of a patch that is tests, for ``git apply``."""

# Nobody can download the unreleased 1.8.5. This is how it reads the variable.
GUARD = """\
        try:
            previous_scope = _SCOPE_CONTEXT.get()
        except LookupError as le:
            previous_scope = MISSING
"""
GUARD_OF_NEXT = """\
        previous_scope = _SCOPE_CONTEXT.get(MISSING)
"""


def download(folder: Path) -> Path:
    """Unpack the release's source distribution into *folder*; return its path."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet"]
    options = ["--no-deps", "--no-binary", ":all:", "--disable-pip-version-check"]
    command = [*pip, *options, "--dest", str(folder), f"ididi=={RELEASE}"]
    subprocess.run(command, check=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        source.extractall(folder)
    tree = folder / f"ididi-{RELEASE}"
    # Of the archive, not of the repository; hatchling would take its version.
    (tree / "PKG-INFO").unlink()
    # In a folder of this repository, git apply would look for the files there.
    subprocess.run(["git", "init", "--quiet"], cwd=tree, check=True)
    return tree


def shape(tree: Path, name: str) -> None:
    """Make *tree*, which is the release's source, look like the source *name*."""
    if name == NEXT:
        replace(tree / "ididi" / "graph.py", GUARD, GUARD_OF_NEXT, times=2)


def apply(tree: Path, name: str, *options: str) -> None:
    """Apply the patch for the source *name*.

    Raises:
        subprocess.CalledProcessError: it does not apply without fuzz.
    """
    patch = PATCHES / f"ididi-{name}.patch"
    command = ["git", "apply", "--whitespace=error-all", *options, str(patch)]
    subprocess.run(command, cwd=tree, check=True)


def number(tree: Path) -> None:
    """Have *tree* call itself the next release, as upstream's make target does."""
    init = tree / "ididi" / "__init__.py"
    replace(init, f'VERSION="{RELEASE}"', f'VERSION="{NEXT}"', times=1)


def replace(path: Path, old: str, new: str, times: int) -> None:
    """Replace *old* in a file, where it is expected so many times."""
    text = path.read_text(encoding="utf-8")
    found = text.count(old)
    if found != times:
        raise ValueError(f"{path} has {found} times what it should have {times} times")
    path.write_text(text.replace(old, new), encoding="utf-8")


def main(name: str, folder: Path) -> None:
    """Make both, whatever the folder had of them."""
    with tempfile.TemporaryDirectory() as temporary:
        tree = download(Path(temporary))
        shape(tree, name)
        for side in ("before", "after"):
            shutil.rmtree(folder / side, ignore_errors=True)
            shutil.copytree(tree, folder / side)
    # All of ididi's own tests but the new ones are for both.
    apply(folder / "before", name, f"--include={TESTS}")
    apply(folder / "after", name)
    number(folder / "after")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))

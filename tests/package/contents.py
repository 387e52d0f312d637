"""Writes what depends on the package's files into SECURITY.md.

After files were added or removed: ``python -m build``, and then
``python -m tests.package.contents dist/*.whl``. A test sees to it that it was
done.
"""

from __future__ import annotations

import hashlib
import re
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECURITY = ROOT / "SECURITY.md"
START_UP_LINE = ROOT / "ididi-scopefix.pth"

_VERSION = re.compile(r"^ididi_scopefix-.+?\.dist-info")


def files(wheel: Path) -> str:
    """Return the files of *wheel*, a line each, for any version."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    dist_info = "ididi_scopefix-VERSION.dist-info"
    return "".join(f"{_VERSION.sub(dist_info, name)}\n" for name in sorted(names))


def digest() -> str:
    """Return the sha256 of the start-up file, as a line."""
    return hashlib.sha256(START_UP_LINE.read_bytes()).hexdigest() + "\n"


def main(wheel: str) -> None:
    """Write the lists into SECURITY.md."""
    text = SECURITY.read_text(encoding="utf-8")
    for fence, lines in (("wheel", files(Path(wheel))), ("sha256", digest())):
        before, opening, rest = text.partition(f"```text {fence}\n")
        text = before + opening + lines + rest[rest.index("```") :]
    SECURITY.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Puts two sources of one shape into a folder: ``before`` and ``after`` the patch.

``python -m lab.upstream SHAPE FOLDER``
"""

import shutil
import sys
import tempfile
from pathlib import Path

from lab.upstream import source


def main(name: str, folder: Path) -> None:
    """Make both, whatever the folder had of them."""
    with tempfile.TemporaryDirectory() as temporary:
        tree = source.download(Path(temporary))
        source.shape(tree, name)
        for side in ("before", "after"):
            shutil.rmtree(folder / side, ignore_errors=True)
            shutil.copytree(tree, folder / side)
    # All of ididi's own tests but the new ones are for both.
    source.apply(folder / "before", name, f"--include={source.TESTS}")
    source.apply(folder / "after", name)
    source.number(folder / "after")


main(sys.argv[1], Path(sys.argv[2]))

"""What docs/releasing.md says of the package's home works."""

from __future__ import annotations

import re
import shutil
import zipfile
from email import message_from_string
from typing import TYPE_CHECKING

from tests.docs.markdown import Document
from tests.environments import backend
from tests.package.conftest import Builder

if TYPE_CHECKING:
    from pathlib import Path

HOME = "git.example/group/project"
READMES = "hatch-fancy-pypi-readme"


def test_a_home_makes_the_links_of_the_readme_whole(
    builder: Builder, unpacked: Path, tmp_path: Path
) -> None:
    """They are relative in the repository, where they work in any clone."""
    environment = builder.environment.copy(tmp_path / "environment")
    environment.pip("install", "--quiet", READMES)
    source = tmp_path / "source"
    shutil.copytree(unpacked, source)
    (source / "PKG-INFO").unlink()  # hatchling would take the text from there
    pyproject = source / "pyproject.toml"
    blocks = Document("docs/releasing.md").blocks
    (home,) = (block.text for block in blocks if block.name == "home")
    text = pyproject.read_text(encoding="utf-8")
    for before, after in (
        (f'"{backend()}"', f'"{backend()}", "{READMES}"'),
        ('readme = "README.md"\n', ""),
        ('dynamic = ["version"]', 'dynamic = ["readme", "version"]'),
    ):
        assert before in text
        text = text.replace(before, after)
    text += "\n" + home.replace("HOME", HOME)
    pyproject.write_text(text, encoding="utf-8")

    wheel = Builder(environment).build("wheel", source, tmp_path / "built")

    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = message_from_string(archive.read(name).decode())
    links = re.findall(r"\]\((.+?)\)", str(metadata.get_payload()))
    assert f"Homepage, https://{HOME}" in metadata.get_all("Project-URL", [])
    assert links
    assert [link for link in links if not link.startswith(("https://", "#"))] == []

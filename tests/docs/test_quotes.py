"""What the documents quote is what there is: outputs, files, tables, links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from packaging.version import Version

from ididi_scopefix.command.doctor import UVICORN
from tests import children, other_releases
from tests.docs import recipes
from tests.docs.markdown import (
    DOCUMENTS,
    HOME,
    OPERATIONS,
    README,
    RECIPES,
    ROOT,
    ROOT_CAUSE,
    TRANSLATIONS,
    Document,
)
from tests.serving import polled

if TYPE_CHECKING:
    from tests.docs.markdown import Block

OTHERS = ("CHANGELOG.md", "SECURITY.md", "docs/upstream/README.md")
"""The documents whose links are tried, and nothing else."""


def block(kind: str, path: str = README) -> Block:
    """Return the only block of a kind in a document."""
    (found,) = (
        block
        for block in Document(path).blocks
        if f"{block.language} {block.name}" == kind
    )
    return found


def test_the_readme_is_read_in_five_minutes() -> None:
    """Whatever is longer has a page of its own."""
    assert len(Document(README).text.splitlines()) <= 150


def test_a_fixed_release_is_left_alone_with_the_quoted_words(tmp_path: Path) -> None:
    """The status says so, in the document as in the program."""
    folder = other_releases.invent(
        "1.9.0", tmp_path, *other_releases.FIXED, own="1.9.0"
    )

    told = children.run(
        """
        import ididi_scopefix, ididi
        print(ididi_scopefix.status())
        """,
        path=folder,
    )

    assert told.stdout == block("text fixed", OPERATIONS).text


NEEDS_A_SERVER = pytest.mark.skipif(
    recipes.environment() != recipes.SERVERS, reason="needs a server to see it"
)


def save_application(folder: Path) -> None:
    """Save the application of the recipes, which the README is about as well."""
    (found,) = (each for each in Document(RECIPES).blocks if each.name == "app.py")
    (folder / "app.py").write_text(found.text, encoding="utf-8")


@NEEDS_A_SERVER
def test_the_lines_of_the_workers_are_real_ones(tmp_path: Path) -> None:
    """Each line that the README shows, from either of two workers."""
    save_application(tmp_path)
    command, *lines = block("text verbose").text.splitlines()
    words = command.removeprefix("$ IDIDI_SCOPEFIX=verbose ")
    patterns = set(map(verbose_pattern, lines))

    with recipes.started(words, tmp_path, IDIDI_SCOPEFIX="verbose") as server:
        for _ in polled(60):
            assert server.request("GET", "/").status == 200
            log = server.log()
            needs = set(re.findall(r"\[(\d+)\]: first need", log))
            found = all(re.search(each, log, re.MULTILINE) for each in patterns)
            if found and len(needs) == 2:
                break

    for each in patterns:
        assert re.search(each, log, re.MULTILINE), log
    assert len(set(re.findall(r"\[(\d+)\]: active", log))) == 2


def verbose_pattern(line: str) -> str:
    """Return *line* as any process, Python and task writes it."""
    line = re.sub(r"\[\d+\]", "[NUMBER]", line, count=1)
    line = re.sub(r"Python [\d.]+", "Python VERSION", line)
    line = re.escape(re.sub(r"Task-\d+", "Task-NUMBER", line))
    line = line.replace("NUMBER", r"\d+").replace("VERSION", r"[\d.]+")
    return f"^{line}$"


@NEEDS_A_SERVER
def test_the_traceback_is_a_real_one(tmp_path: Path) -> None:
    """A search for what the server's log says finds the README."""
    save_application(tmp_path)
    lines = [
        pattern(line)
        for line in block("text traceback").text.splitlines()
        # Only from Python 3.11 on, and contextlib's own lines differ.
        if line.strip("^ ") and "contextlib" not in line and "await" not in line
    ]

    with recipes.started("uvicorn app:app", tmp_path, IDIDI_SCOPEFIX="0") as server:
        assert server.request("GET", "/").status == 500
        server.stop()
        log = server.log()

    for line in lines:
        assert re.search(line, log), log


def pattern(line: str) -> str:
    """Return *line* as it is in any environment, at any address."""
    line = re.sub(r"/usr/local/lib/python[\d.]+", "ANYWHERE", line)
    line = re.escape(re.sub(r"0x[0-9a-f]+", "ADDRESS", line))
    return line.replace("ANYWHERE", ".*").replace("ADDRESS", "0x[0-9a-f]+")


def test_the_two_texts_of_sitecustomize_are_one() -> None:
    """The recipe's is the example without its comments."""
    (recipe,) = (
        each.text for each in Document(RECIPES).blocks if "sitecustomize" in each.name
    )

    example = (ROOT / "sitecustomize_example.py").read_text(encoding="utf-8")

    assert example.endswith(f"\n{recipe}")


def test_the_line_of_the_bug_is_a_real_one() -> None:
    """It is in ididi's source as the root cause quotes it."""
    import ididi.graph

    source = Path(ididi.graph.__file__).read_text(encoding="utf-8")

    assert block("text line", ROOT_CAUSE).text in source


def test_the_table_of_servers_is_the_one_of_the_package() -> None:
    """Its columns are the package's releases of uvicorn, the option apart."""
    header = server_rows()[0]
    _, always, option = UVICORN

    assert header[1] == f"uvicorn before {always}"
    assert header[2].startswith(f"uvicorn {always} to ")
    assert Version(header[2].split()[-1]) < Version(option)
    assert header[3] == f"uvicorn {option} and newer"
    assert header[4] == "the same with `--reset-contextvars`"


def server_rows() -> list[list[str]]:
    """Return the table of the releases of ididi and uvicorn."""
    tables = Document(ROOT_CAUSE).tables
    (found,) = (table for table in tables if table[0][1].startswith("uvicorn"))
    return found


@pytest.mark.parametrize("path", [*DOCUMENTS, *OTHERS, *TRANSLATIONS])
def test_every_link_leads_somewhere(path: str) -> None:
    """To a file of the repository, and to a heading of it."""
    for link in Document(path).links:
        name, _, anchor = link.partition("#")
        if name.startswith(HOME):
            target = ROOT / name[len(HOME) :]
        elif name.startswith("https://"):
            continue
        else:
            target = (ROOT / path).parent / name if name else ROOT / path
        assert target.exists(), link
        if anchor:
            document = Document(str(target.resolve().relative_to(ROOT)))
            assert anchor in {heading.anchor for heading in document.headings}, link


def test_nothing_is_opened_or_started_by_an_import_of_ididi(tmp_path: Path) -> None:
    """No connection, no process, no file but for reading: as promised."""
    children.run(
        """
        import sys
        sys.dont_write_bytecode = True
        events = []

        def audit(event, arguments):
            if event.startswith(("socket.", "subprocess.", "os.")) or (
                event == "open" and set(str(arguments[1])) & set("wax+")
            ):
                events.append((event, arguments))

        sys.addaudithook(audit)
        import ididi_scopefix
        from contextvars import Context
        from ididi import Graph
        Context().run(Graph().use_scope)
        assert ididi_scopefix.status().state == "active"
        allowed = ("os.listdir", "os.scandir", "os.putenv", "os.unsetenv")
        assert not [event for event in events if event[0] not in allowed], events
        """
    )


def test_the_shim_reads_one_environment_variable() -> None:
    """The one that switches it; the command reads others."""
    told = children.run(
        """
        import os, sys
        found = set()
        read = os._Environ.__getitem__

        def note(self, key):
            frame = sys._getframe(1)
            if frame.f_code.co_name == "get":
                frame = frame.f_back
            if str(frame.f_globals["__name__"]).startswith("ididi_scopefix"):
                found.add(key)
            return read(self, key)

        os._Environ.__getitem__ = note
        import ididi_scopefix
        from contextvars import Context
        from ididi import Graph
        Context().run(Graph().use_scope)
        ididi_scopefix.activate()
        print(*found)
        """
    )

    assert told.stdout == "IDIDI_SCOPEFIX\n"

"""The documents say what there is: commands, names, links, what is printed."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from typing import TYPE_CHECKING, get_args

import pytest

import ididi_scopefix
from tests.docs import recipes
from tests.docs.markdown import DOCUMENTS, README, RECIPES, ROOT, Document
from tests.environments import Environment, attempt
from tests.pythons import reads_annotations
from tests.serving import polled

if TYPE_CHECKING:
    from pathlib import Path

API = "docs/api.md"
TRANSLATIONS = {
    "docs/zh-CN/README.md": README,
    "docs/zh-CN/operations.md": "docs/operations.md",
    "docs/zh-CN/root-cause.md": "docs/root-cause.md",
}
OTHERS = ("CHANGELOG.md", "SECURITY.md", "lab/README.md", "docs/upstream/README.md")
PAGES = (*DOCUMENTS, *TRANSLATIONS, *OTHERS)


@pytest.mark.parametrize("path", PAGES)
def test_every_link_leads_somewhere(path: str) -> None:
    """Each is relative, and leads to a file of the repository and its heading."""
    for link in Document(path).links:
        name, _, anchor = link.partition("#")
        if name.startswith("https://"):
            assert path != README
            continue
        target = (ROOT / path).parent / name if name else ROOT / path
        assert target.exists(), link
        if anchor:
            document = Document(str(target.resolve().relative_to(ROOT)))
            assert anchor in {section.anchor for section in document.sections}, link


def test_every_target_and_every_session_exists() -> None:
    """Those of make and nox that a page names can be typed."""
    noxfiles = ("noxfile.py", "lab/noxfile.py", "release/noxfile.py")
    sessions = {
        node.name
        for file in noxfiles
        for node in ast.parse((ROOT / file).read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef) and node.decorator_list
    }
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = {*re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE)}

    for path in PAGES:
        page = Document(path)
        blocks = [block.text for block in page.blocks]
        # In prose, what can be typed stands between backticks.
        text = "\n".join([*blocks, *re.findall(r"`([^`\n]+)`", page.text)])
        for target in re.findall(r"^make ([a-z]+)", text, re.MULTILINE):
            assert target in targets, path
        for session in re.findall(r"nox .*--session ([a-z]+)", text):
            assert session in sessions, path


@pytest.mark.skipif(
    recipes.ENVIRONMENT != recipes.SERVERS, reason="`make docs` has a server"
)
@pytest.mark.parametrize(
    ("name", "switch", "command"),
    [
        ("verbose", "verbose", "uvicorn app:app --workers 2"),
        ("traceback", "0", "uvicorn app:app"),
    ],
)
def test_the_lines_in_the_readme_are_those_of_a_server(
    tmp_path: Path, name: str, switch: str, command: str
) -> None:
    """A search for what the log says finds the README, whatever numbers are in it."""
    (tmp_path / "app.py").write_text(Document(RECIPES).block("app.py").text)
    shown = Document(README).block(name).text
    lines = re.findall(r".*(?:idid|_SCOPE_CONTEXT).*", shown)
    expected = {without_numbers(line.rpartition("site-packages")[2]) for line in lines}
    assert len(expected) == 3

    with recipes.started(command, tmp_path, IDIDI_SCOPEFIX=switch) as server:
        for _ in polled(60):
            server.request("GET", "/")
            log = without_numbers(server.log())
            if all(line in log for line in expected):
                return

    pytest.fail(log)


def without_numbers(text: str) -> str:
    """Return *text* without what is another number in each process."""
    return re.sub(r"\[\d+\]|Task-\d+|Python [\d.]+|0x\w+", "...", text)


def listed(table: list[list[str]]) -> list[str]:
    """Return the names in the first column of a table."""
    return [name for row in table[1:] for name in re.findall(r'`"?(\w+)', row[0])]


def test_the_api_page_lists_what_can_be_imported() -> None:
    """It has each function, each state, and each attribute of the two dataclasses."""
    page = Document(API)
    of_status, of_caller = (each for each in page.tables if each[0][0] == "attribute")
    others = ["Caller", "State", "Status", "__version__"]

    found = sorted([*listed(page.table("function")), *others])
    assert found == sorted(ididi_scopefix.__all__)
    assert tuple(listed(page.table("`State`"))) == get_args(ididi_scopefix.State)
    for kind, table in (
        (ididi_scopefix.Status, of_status),
        (ididi_scopefix.Caller, of_caller),
    ):
        assert listed(table) == [field.name for field in dataclasses.fields(kind)]


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_the_keys_are_those_that_the_command_prints(
    installed: Environment, command: str, request: pytest.FixtureRequest
) -> None:
    """A script that was written after the page finds all of them."""
    if command == "doctor":
        request.applymarker(reads_annotations)

    finished = attempt(installed.command, command, "--json")

    keys = listed(Document(API).table(f"key of `{command} --json`"))
    assert sorted(keys) == sorted(json.loads(finished.stdout))


@pytest.mark.parametrize(("path", "original"), TRANSLATIONS.items())
def test_a_translation_has_the_commands_of_its_original(
    path: str, original: str
) -> None:
    """They are tried once for both; only comments and drawings are translated."""
    translated, ours = (
        [
            (each.language, each.name, re.sub(r"(^|\s)# .*", r"\1#", each.text))
            for each in Document(document).blocks
            if each.language != "mermaid"
        ]
        for document in (path, original)
    )

    assert translated == ours

"""The documents say what there is: how to install it, its API, its links."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
import shutil
from typing import TYPE_CHECKING, get_args

import pytest

import ididi_scopefix
from ididi_scopefix import _activation, _is_off
from ididi_scopefix.command import doctor
from tests.docs import recipes
from tests.docs.markdown import (
    API,
    DOCUMENTS,
    OPERATIONS,
    README,
    RECIPES,
    ROOT,
    TRANSLATIONS,
    Block,
    Document,
)
from tests.environments import Environment, attempt, run
from tests.pythons import reads_annotations
from tests.serving import polled

if TYPE_CHECKING:
    from pathlib import Path

OTHERS = (
    *("CHANGELOG.md", "SECURITY.md", "lab/README.md", "docs/upstream/README.md"),
    *TRANSLATIONS,
)
"""Documents whose links are tried, too."""

LENGTHS = {README: 130, "docs": 1500}
"""How many lines somebody has the time to read: of the README, of all in docs."""

NEEDS_A_SERVER = pytest.mark.skipif(
    recipes.environment() != recipes.SERVERS, reason="`make docs` has a server"
)


def block(kind: str) -> Block:
    """Return the only block of a kind in the README."""
    blocks = Document(README).blocks
    (found,) = (each for each in blocks if f"{each.language} {each.name}" == kind)
    return found


def save_application(folder: Path) -> None:
    """Save the application of the recipes, which the README is about as well."""
    (found,) = (each for each in Document(RECIPES).blocks if each.name == "app.py")
    (folder / "app.py").write_text(found.text, encoding="utf-8")


@pytest.mark.parametrize("path", [*DOCUMENTS, *OTHERS])
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
            assert anchor in {heading.anchor for heading in document.headings}, link


def test_the_documents_stay_short() -> None:
    """Whoever makes one page longer makes another one shorter."""
    lines = {path: len(Document(path).text.splitlines()) for path in DOCUMENTS}
    in_docs = [count for path, count in lines.items() if path.startswith("docs/")]

    assert lines[README] <= LENGTHS[README]
    assert sum(in_docs) <= LENGTHS["docs"]


ACTIVE = "import ididi, ididi_scopefix; print(ididi_scopefix.status().state)"


def only(wheels: Path) -> dict[str, str]:
    """Return the variables that have pip find *wheels*, and ask no index."""
    return {"PIP_FIND_LINKS": str(wheels), "PIP_NO_INDEX": "1"}


def words_to_install() -> list[str]:
    """Return the command that the README has for a clone."""
    sections = Document(README).sections
    (section,) = (each for each in sections if each.headings[-1].title[:7] == "Install")
    (found,) = (each for each in section.blocks if each.language == "sh")
    (command,) = recipes.commands(found)
    return command.split()


def test_the_words_to_install_it_work(
    plain: Environment, wheels: Path, clone: Path, tmp_path: Path
) -> None:
    """Whoever types them in a clone has the shim in every program."""
    environment = plain.copy(tmp_path / "environment")
    _, *words = words_to_install()

    run(environment.python, *words, folder=clone, **only(wheels))

    assert environment.run(ACTIVE).stdout == "active\n"


@pytest.mark.skipif(not shutil.which("git"), reason="there is no git here")
def test_the_words_to_install_it_from_an_address_work(
    plain: Environment, wheels: Path, clone: Path, tmp_path: Path
) -> None:
    """The address of any git repository will do."""
    repository = shutil.copytree(clone, tmp_path / "repository")
    name = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    quiet = ("init", "--quiet"), ("add", "."), (*name, "commit", "--quiet", "-m", "All")
    for words in quiet:
        run("git", *words, folder=repository)
    environment = plain.copy(tmp_path / "environment")
    (found,) = re.findall(r"`python (-m pip install git\+)ADDRESS`", text_of(README))
    words = f"{found}{repository.as_uri()}".split()

    run(environment.python, *words, **only(wheels))

    assert environment.run(ACTIVE).stdout == "active\n"


def text_of(path: str) -> str:
    return Document(path).text


@NEEDS_A_SERVER
def test_the_lines_of_the_workers_are_real_ones(tmp_path: Path) -> None:
    """Each line that the README shows comes from either of two workers."""
    save_application(tmp_path)
    command, *lines = block("text verbose").text.splitlines()
    words = command.partition("verbose ")[2]
    patterns = set(map(verbose_pattern, lines))

    with recipes.started(words, tmp_path, IDIDI_SCOPEFIX="verbose") as server:
        for _ in polled(60):
            assert server.request("GET", "/").status == 200
            log = server.log()
            if all(re.search(each, log, re.MULTILINE) for each in patterns):
                break

    for each in patterns:
        assert re.search(each, log, re.MULTILINE), log


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
    lines = block("text traceback").text.splitlines()
    own = [line for line in lines if "idid" in line or "_SCOPE_CONTEXT" in line]

    with recipes.started("uvicorn app:app", tmp_path, IDIDI_SCOPEFIX="0") as server:
        assert server.request("GET", "/").status == 500
        server.stop()
        log = server.log()

    assert len(own) == 3
    for line in own:
        _, _, told = line.rpartition("site-packages")
        assert told.partition(" at 0x")[0] in log


def plain_text(docstring: str | None) -> str:
    """Return a docstring as Markdown writes it, in one line."""
    return " ".join((docstring or "").replace("``", "`").replace(":func:", "").split())


def test_the_api_page_has_every_public_name() -> None:
    """Of functions it says what their docstrings say."""
    page = Document(API)
    told = {
        row[0].partition("(")[0].strip("`"): row[2] for row in page.table("function")
    }
    public = set(ididi_scopefix.__all__) - {"__version__"}

    functions = {
        name for name in public if inspect.isfunction(getattr(ididi_scopefix, name))
    }
    assert functions == {*told} - {"function"}
    for name in functions:
        docstring = inspect.getdoc(getattr(ididi_scopefix, name))
        assert plain_text(docstring).startswith(told[name])
    for name in public - functions:
        assert f"`{name}`" in page.text or f"## {name}" in page.text


def test_the_api_page_has_every_attribute_and_state() -> None:
    """It has them in the words of the docstring."""
    attributes, of_caller = (
        table[1:] for table in Document(API).tables if table[0][0] == "attribute"
    )
    docstring = plain_text(ididi_scopefix.Status.__doc__)
    states = Document(API).table("`State`")[1:]

    assert names(attributes) == fields(ididi_scopefix.Status)
    assert names(of_caller) == fields(ididi_scopefix.Caller)
    for name, _, meaning in attributes[1:]:
        assert f"{name.strip('`')}: {meaning}" in docstring
    found = tuple(json.loads(name) for name in names(states))
    assert found == get_args(ididi_scopefix.State)
    for name, meaning in states:
        assert f"{name}: {meaning}" in docstring


def names(rows: list[list[str]]) -> list[str]:
    """Return the first cell of each row."""
    return [row[0].strip("`") for row in rows]


def fields(kind: type) -> list[str]:
    return [field.name for field in dataclasses.fields(kind)]


def test_the_values_of_the_variable_do_what_the_page_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Only the values of the last row but one switch the shim off."""
    for cell, effect in Document(API).table("value")[1:]:
        for value in re.findall(r"`(\w+)`", cell) or ["", "maybe"]:
            monkeypatch.setenv("IDIDI_SCOPEFIX", value)
            assert _is_off() == (effect == "off"), value
            known = _activation.unknown_switch() is None
            assert known == ("warning" not in effect or value == "")


def test_the_exit_codes_are_those_of_doctor() -> None:
    """The page and ``doctor --help`` say the same."""
    told = dict(re.findall(r"^  (\d)   (.+)$", doctor.__doc__ or "", re.MULTILINE))
    page = dict(Document(API).table("exit code")[1:])

    assert (
        {*page}
        == {*told}
        == set(map(str, (doctor.WORKS, doctor.FAILS, doctor.NO_IDIDI)))
    )
    assert all(page[code].startswith(told[code]) for code in told)


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_the_keys_are_those_that_the_command_prints(
    installed: Environment, command: str, request: pytest.FixtureRequest
) -> None:
    """A script that was written after the page finds all of them."""
    if command == "doctor":
        request.applymarker(reads_annotations)
    rows = Document(API).table(f"key of `{command} --json`")[1:]
    keys = [name for row in rows for name in re.findall(r"`(\w+)`", row[0])]

    finished = attempt(installed.command, command, "--json")

    assert sorted(keys) == sorted(json.loads(finished.stdout))


def test_the_fixed_release_is_left_alone_in_these_words() -> None:
    """The page quotes the reason that the program gives."""
    (quoted,) = (
        each.text for each in Document(OPERATIONS).blocks if each.name == "fixed"
    )
    source = inspect.getsource(_activation)

    _, _, reason = quoted.strip().partition("ididi 1.9.0): ididi 1.9.0 ")
    assert reason
    assert f"ididi {{version}} {reason}" in source


def test_the_two_texts_of_sitecustomize_are_one() -> None:
    """The recipe's is the example without its comments."""
    blocks = Document(RECIPES).blocks
    (recipe,) = (each.text for each in blocks if "sitecustomize" in each.name)

    example = (ROOT / "sitecustomize_example.py").read_text(encoding="utf-8")

    assert example.endswith(f"\n{recipe}")


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

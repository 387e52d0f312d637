"""Copies what `make bench` has measured into the README and its translation.

``python -m tests.docs.costs`` does, and a test sees to it that it was done.
"""

# ruff: noqa: RUF001  Chinese has commas of its own

from __future__ import annotations

import sys

from tests.docs.markdown import README, ROOT, TRANSLATION, Document

RESULTS = "benchmarks/RESULTS.md"
HEADERS = {
    README: "| call | goal | measured | |",
    TRANSLATION: "| 调用 | 目标 | 实测 | |",
}
CHINESE = {
    ", context has a scope": "，上下文已有 scope",
    "a fresh context's first `scope()`, to ididi 1.8.4's own guard": (
        "新上下文里的第一个 `scope()`，相对 ididi 1.8.4 自带的保护"
    ),
    " with the shim": "，装有补丁",
    ", no bytecode": "，没有字节码",
    " to ": " 到 ",
    " x ": " 倍 ",
    "met |": "达到 |",
    "missed |": "未达到 |",
}


def table(path: str) -> str:
    """Return the table of costs as the document *path* has it."""
    rows = ["| " + " | ".join(row) + " |" for row in Document(RESULTS).tables[0][1:]]
    text = "\n".join(rows)
    if path == TRANSLATION:
        for english, chinese in CHINESE.items():
            text = text.replace(english, chinese)
    return f"{HEADERS[path]}\n| --- | --- | --- | --- |\n{text}\n"


def updated(path: str) -> str:
    """Return the text of the document *path* with the table as it has to be."""
    text = Document(path).text
    before, header, rest = text.partition(HEADERS[path])
    if not header:
        raise LookupError(f"{path} has no table of costs")
    return before + table(path) + "\n" + rest.partition("\n\n")[2]


def main() -> int:
    """Update both documents."""
    for path in HEADERS:
        (ROOT / path).write_text(updated(path), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

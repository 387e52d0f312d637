"""Draws what the demo shows, from a real run: ``python -m examples.picture``.

The README has it: the service without the shim on the left, with it on the right.
"""

from __future__ import annotations

import sys
import textwrap
from html import escape
from pathlib import Path

from examples import demo
from examples.serving import ROOT, ending_cleanly

PATH = ROOT / "docs" / "demo.svg"
WIDTH, LINE, MARGIN, COLUMNS = 410, 18, 16, 46
STYLE = """
  text { font: 13px ui-monospace, Menlo, Consolas, monospace; fill: #d6dae0; }
  .title { font-weight: bold; fill: #ffffff; }
  .off { fill: #ff8d85; font-weight: bold; }
  .on { fill: #7ee2a8; font-weight: bold; }
"""


def drawn(off: demo.Seen, on: demo.Seen) -> str:
    """Return both runs as two columns of an SVG picture."""
    columns = [
        lines_of(demo.told("IDIDI_SCOPEFIX=0", off)),
        lines_of(demo.told("with ididi-scopefix", on)),
    ]
    height = max(map(len, columns)) * LINE + 2 * MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {height}">',
        "<title>Requests are answered with 500 without the shim, 200 with it</title>",
        f"<style>{STYLE}</style>",
        f'<rect width="{2 * WIDTH}" height="{height}" rx="8" fill="#1e242c"/>',
        f'<path d="M{WIDTH} {MARGIN}V{height - MARGIN}" stroke="#4a5360"/>',
    ]
    for index, (column, mark) in enumerate(zip(columns, ("off", "on"))):
        for number, line in enumerate(column, 1):
            marked = line.startswith(("-> ", "LookupError:"))
            style = "title" if number == 1 else mark if marked else ""
            parts.append(
                f'<text x="{index * WIDTH + MARGIN}" y="{number * LINE + MARGIN - 5}"'
                f' class="{style}">{escape(line, quote=False)}</text>'
            )
    return "\n".join([*parts, "</svg>"]) + "\n"


def lines_of(paragraphs: list[str]) -> list[str]:
    """Return paragraphs as lines that fit; of an answer, its beginning."""
    lines = []
    for paragraph in paragraphs:
        if paragraph.startswith("{") and len(paragraph) > COLUMNS:
            lines.append(f"{paragraph[: COLUMNS - 3]}...")
        else:
            lines += textwrap.wrap(paragraph, COLUMNS) or [""]
    return lines


def main(path: Path = PATH) -> int:
    """Run the service without and with the shim, and draw what it answers."""
    with ending_cleanly():
        off, on = demo.run("0"), demo.run("1")
    if differences := demo.compared(off, on):
        print(*differences, sep="\n", file=sys.stderr)
        return 1
    path.write_text(drawn(off, on), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

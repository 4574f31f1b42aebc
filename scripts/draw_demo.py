"""Draw what `atlop demo` shows of one document, for the README.

Usage:

    python scripts/draw_demo.py
"""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI

import atlop
from atlop.cli.show import relation_table
from atlop.folder import BUNDLED

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "demo.svg"
TITLE = "Pippi Longstocking"
WIDTH = 110
LARGEST = 14
"""Relations that fit on a screen."""

FORMAT = """<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>.{unique_id}-matrix {{ font: {char_height}px monospace; font-variant-ligatures: none; }} {styles}</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}" /></clipPath>{lines}</defs>
<rect fill="#191919" width="{width}" height="{height}" rx="8" />
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}<g class="{unique_id}-matrix">{matrix}</g></g></svg>
"""
"""As rich draws a terminal, but with the reader's own fonts."""


def draw() -> str:
    """Return the picture as SVG."""
    console = Console(record=True, width=WIDTH, file=io.StringIO(), highlight=False)
    extractor = atlop.load(device="cpu", precision="fp32")
    text = (BUNDLED.parent / "examples" / f"{TITLE}.txt").read_text(encoding="utf-8")
    document = extractor.extract(atlop.Document.from_text(text, title=TITLE))
    best = sorted(document.relations, key=lambda relation: -(relation.confidence or 0))[:LARGEST]
    console.print(relation_table(document.with_relations(tuple(best))))
    return console.export_svg(theme=DIMMED_MONOKAI, code_format=FORMAT)


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw(), encoding="utf-8")

"""A report as one HTML page that fetches nothing: its style and its figures are in the page itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from atlop.experiments.block import Listing, Picture, Table
from atlop.experiments.results import Results
from atlop.experiments.tables import INTRODUCTION, TITLES, tables

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; }
h2 { margin-top: 3rem; border-bottom: 1px solid #ccc; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; }
th, td { padding: 0.3rem 0.7rem; border-bottom: 1px solid #ddd; text-align: left; vertical-align: baseline; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
pre { background: #f5f5f5; padding: 0.8rem; overflow-x: auto; font-size: 0.85rem; }
figure { margin: 1.5rem 0; }
img { max-width: 100%; width: 700px; height: auto; }
figcaption { color: #555; font-size: 0.9rem; }
"""

HEAD = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
"""


def html_page(sweeps: Sequence[Results], pictures: Mapping[str, Sequence[Picture]]) -> str:
    """Return the page of every table and figure.

    Args:
        sweeps: the sweeps, in order.
        pictures: the figures of each sweep, by its name.
    """
    names = [results.sweep for results in sweeps]
    links = "".join(f'<li><a href="#{escape(name)}">{escape(name)}</a></li>\n' for name in names)
    contents = f"<ul>\n{links}</ul>\n" if len(names) > 1 else ""
    head = HEAD.format(title=escape(f"Results of {', '.join(names)}"), style=STYLE)
    body = "".join(_section(results, pictures[results.sweep]) for results in sweeps)
    return f"{head}<p>{escape(INTRODUCTION)}</p>\n{contents}{body}</body>\n</html>\n"


def _section(results: Results, pictures: Sequence[Picture]) -> str:
    made = tables(results)
    parts = {name: _block(made[name]) for name in made} | {"figures": "".join(map(_figure, pictures))}
    shown = [f"<h3>{title}</h3>\n{parts[name]}" for name, title in TITLES.items() if parts.get(name)]
    name = escape(results.sweep)
    return f'<h2 id="{name}">{name}</h2>\n{"".join(shown)}'


def _block(block: Table | Listing) -> str:
    shown = _table(block) if isinstance(block, Table) else f"<pre>{escape(block.code)}</pre>\n"
    return shown + "".join(f"<p>{escape(note)}</p>\n" for note in block.notes)


def _table(table: Table) -> str:
    head, *body = (_line(table, cells, kind) for cells, kind in _lines(table))
    return f'<div class="wide"><table>\n<thead>\n{head}</thead>\n<tbody>\n{"".join(body)}</tbody>\n</table></div>\n'


def _lines(table: Table) -> list[tuple[tuple[str, ...], str]]:
    return [(table.columns, "th"), *((row, "td") for row in table.rows)]


def _line(table: Table, cells: Sequence[str], kind: str) -> str:
    style = [' class="number"' if table.is_number(place) else "" for place in range(len(cells))]
    made = "".join(f"<{kind}{look}>{escape(cell)}</{kind}>" for cell, look in zip(cells, style, strict=True))
    return f"<tr>{made}</tr>\n"


def _figure(picture: Picture) -> str:
    alt, data = escape(picture.alt), base64.b64encode(picture.png).decode()
    image = f'<img alt="{alt}" src="data:image/png;base64,{data}">'
    return f"<figure>\n{image}\n<figcaption>{alt}</figcaption>\n</figure>\n"

"""What a report is made of: tables, listings and pictures, each laid out in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

SPECIAL = re.compile(r"([\\`*\[\]|]|(?<!\w)_|_(?!\w))")
"""Characters that Markdown would not show as they are; within a word, it shows an underscore."""


def escaped(text: str) -> str:
    """Return plain text as Markdown that shows it, in one line."""
    return SPECIAL.sub(r"\\\1", one_line(text)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def one_line(text: str) -> str:
    """Return a text with every run of white space replaced by one space."""
    return " ".join(text.split())


@dataclass(frozen=True)
class Table:
    """A table of plain text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text: tuple[str, ...] = ()
    """Columns besides the first that contain text; all others contain numbers."""
    notes: tuple[str, ...] = ()
    """Sentences below the table."""

    def is_number(self, column: int) -> bool:
        """Return whether a column contains numbers, which are aligned to the right."""
        return column > 0 and self.columns[column] not in self.text

    def markdown(self) -> str:
        """Lay out the table and its notes."""
        rules = ["---:" if self.is_number(place) else "---" for place in range(len(self.columns))]
        cells = [[escaped(cell) for cell in line] for line in (self.columns, *self.rows)]
        lines = "\n".join(f"| {' | '.join(line)} |" for line in (cells[0], rules, *cells[1:]))
        return _paragraphs([lines, *map(escaped, self.notes)])


@dataclass(frozen=True)
class Listing:
    """Commands of a shell."""

    code: str
    notes: tuple[str, ...] = ()
    """Sentences below the commands."""

    def markdown(self) -> str:
        """Lay out the commands and the notes."""
        return _paragraphs([f"```bash\n{self.code}\n```", *map(escaped, self.notes)])


@dataclass(frozen=True)
class Picture:
    """A figure as a PNG file."""

    name: str
    file: str
    """The name of the file."""
    alt: str
    """What the figure shows, for those who do not see it."""
    png: bytes

    def markdown(self, folder: str) -> str:
        """Return a link to the file in a folder, whose path is relative to the page."""
        return f"![{escaped(self.alt)}]({folder}/{self.file})"


def _paragraphs(parts: Iterable[str]) -> str:
    return "\n\n".join(parts)

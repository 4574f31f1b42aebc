"""Splitting raw text into words so that no mention begins or ends inside a word."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

Span = tuple[int, int]
"""Characters [start, end) of a text."""

_WORD = re.compile(r"[^\W_]+|\S")
"""A run of letters and digits, or any other single character except white space."""


@dataclass(frozen=True, slots=True)
class CutText:
    """The words of a text by sentence; each sentence has at least one."""

    sentences: tuple[tuple[str, ...], ...]
    """The words of each sentence, each an exact substring of the text."""
    offsets: tuple[tuple[int, ...], ...]
    """Offset of each word in the text."""

    def place(self, span: Span) -> tuple[int, int, int]:
        """Return the sentence, first word and word after the last of a span at whose ends the text was split."""
        sentence = bisect_right(self.offsets, span[0], key=lambda row: row[0]) - 1
        row = self.offsets[sentence]
        return sentence, bisect_left(row, span[0]), bisect_left(row, span[1])


class Spans:
    """The characters that at least one of several spans covers.

    Args:
        spans: the spans, which may overlap.
    """

    def __init__(self, spans: Iterable[Span]) -> None:
        self._merged: list[Span] = []
        for first, last in sorted(spans):
            if self._merged and first < self._merged[-1][1]:
                self._merged[-1] = self._merged[-1][0], max(last, self._merged[-1][1])
            else:
                self._merged.append((first, last))

    def split_at(self, offset: int) -> bool:
        """Return whether a cut at an offset would go through a span or through spans that overlap."""
        found = bisect_left(self._merged, (offset,)) - 1
        return found >= 0 and offset < self._merged[found][1]


def word_spans(text: str) -> Iterator[Span]:
    """Yield the words of a text: runs of letters and digits, and other single characters except white space."""
    return (word.span() for word in _WORD.finditer(text))


def cut_text(text: str, *, starts: Sequence[int], spans: Iterable[Span]) -> CutText:
    """Split a text into words: runs of letters and digits, and other single characters.

    Args:
        text: the text.
        starts: where its sentences begin, in order.
        spans: the mentions; a word is split where a mention begins or ends inside it.
    """
    cuts = sorted({0, *starts, *(bound for span in spans for bound in span), len(text)})
    words = (word for start, end in pairwise(cuts) for word in _WORD.finditer(text, start, end))
    rows = [list(row) for _, row in groupby(words, key=lambda word: bisect_right(starts, word.start()))]
    return CutText(
        sentences=tuple(tuple(word.group() for word in row) for row in rows),
        offsets=tuple(tuple(word.start() for word in row) for row in rows),
    )

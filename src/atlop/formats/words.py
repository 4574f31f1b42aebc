"""Splitting raw text into sentences and words, such that no mention begins or ends inside a word."""

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
_SENTENCE_END = re.compile(r"[.!?][)\]\"'”’]*\s+(?=[^\W_]|[(\[\"'“‘])")
_ABBREVIATION = re.compile(r"(?<!\w)(?:e\.g|i\.e|vs|cf|et al|approx|ca|viz|resp|[Ff]igs?|Dr|No)$")
_LONGEST_ABBREVIATION = 8
"""Number of characters to search for one, including the character before it."""


@dataclass(frozen=True, slots=True)
class CutText:
    """The words of a text by sentence; each sentence has at least one."""

    sentences: tuple[tuple[str, ...], ...]
    """The words of each sentence, each an exact substring of the text."""
    offsets: tuple[tuple[int, ...], ...]
    """Offset of each word in the text."""

    def place(self, span: Span) -> tuple[int, int, int]:
        """Return the sentence, the first word and the word after the last of a span at which the text was split."""
        sentence = bisect_right(self.offsets, span[0], key=lambda row: row[0]) - 1
        row = self.offsets[sentence]
        return sentence, bisect_left(row, span[0]), bisect_left(row, span[1])


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


def sentence_starts(text: str, *, start: int, spans: Sequence[Span]) -> Iterator[int]:
    """Yield the offsets at which the sentences of a text begin.

    A sentence ends with ``.``, ``!`` or ``?`` and any closing brackets and quotes, if white space and an upper-case
    letter, a digit or an opening bracket or quote follow; but neither after an abbreviation such as ``e.g.``, ``i.e.``,
    ``vs.``, ``et al.``, ``Fig.`` or ``No.``, nor inside a mention.

    Args:
        text: the text.
        start: where the first sentence begins.
        spans: the mentions.
    """
    yield start
    inside = _merged(spans)
    for end in _SENTENCE_END.finditer(text, start):
        following = text[end.end()]
        before = text[max(start, end.start() - _LONGEST_ABBREVIATION) : end.start()]
        if following.isalpha() and not following.isupper():
            continue
        abbreviated = end.group()[1].isspace() and _ABBREVIATION.search(before)
        if abbreviated or _is_inside(end.end(), inside):
            continue
        yield end.end()


def _merged(spans: Iterable[Span]) -> list[Span]:
    """Merge overlapping spans and sort them."""
    merged: list[Span] = []
    for first, last in sorted(spans):
        if merged and first < merged[-1][1]:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return merged


def _is_inside(offset: int, merged: list[Span]) -> bool:
    found = bisect_left(merged, (offset,)) - 1
    return found >= 0 and offset < merged[found][1]

"""Raw text cut into sentences and words, so that no mention is cut through."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

Span = tuple[int, int]
"""Characters [start, end) of a text."""

_WORD = re.compile(r"[^\W_]+|\S")
"""A run of letters and digits, or any other single character that is no white space."""
_SENTENCE_END = re.compile(r"[.!?][)\]\"'”’]*\s+(?=[^\W_]|[(\[\"'“‘])")
_ABBREVIATION = re.compile(r"(?<!\w)(?:e\.g|i\.e|vs|cf|et al|approx|ca|viz|resp|[Ff]igs?|Dr|No)$")
_LONGEST_ABBREVIATION = 8
"""Characters to look back for one, the character before it included."""


@dataclass(frozen=True, slots=True)
class CutText:
    """The words of a text, sentence by sentence; no sentence is without a word."""

    sentences: tuple[tuple[str, ...], ...]
    """The words of each sentence, each an exact part of the text."""
    offsets: tuple[tuple[int, ...], ...]
    """Where each word begins in the text."""

    def place(self, span: Span) -> tuple[int, int, int]:
        """Give the sentence, the first word and the word after the last of a span that the text was cut around."""
        sentence = bisect_right(self.offsets, span[0], key=lambda row: row[0]) - 1
        row = self.offsets[sentence]
        return sentence, bisect_left(row, span[0]), bisect_left(row, span[1])


def cut_text(text: str, *, starts: Sequence[int], spans: Iterable[Span]) -> CutText:
    """Cut a text into words: runs of letters and digits and single other characters, cut again at every mention.

    Args:
        text: the text.
        starts: where its sentences begin, in order.
        spans: the mentions; words are cut where one begins or ends, even inside a run of letters and digits.
    """
    cuts = sorted({0, *starts, *(bound for span in spans for bound in span), len(text)})
    words = (word for start, end in pairwise(cuts) for word in _WORD.finditer(text, start, end))
    rows = [list(row) for _, row in groupby(words, key=lambda word: bisect_right(starts, word.start()))]
    return CutText(
        sentences=tuple(tuple(word.group() for word in row) for row in rows),
        offsets=tuple(tuple(word.start() for word in row) for row in rows),
    )


def sentence_starts(text: str, *, start: int, spans: Sequence[Span]) -> Iterator[int]:
    """Find where the sentences of a text begin.

    A sentence ends at ``.``, ``!`` or ``?``, with what closes brackets and quotes, before white space and an upper-case
    letter, a digit or an opening bracket or quote; but neither after an abbreviation such as ``e.g.``, ``i.e.``,
    ``vs.``, ``et al.``, ``Fig.`` or ``No.``, nor inside a mention.

    Args:
        text: the text.
        start: where the first sentence begins.
        spans: the mentions.
    """
    yield start
    for end in _SENTENCE_END.finditer(text, start):
        following = text[end.end()]
        before = text[max(start, end.start() - _LONGEST_ABBREVIATION) : end.start()]
        if following.isalpha() and not following.isupper():
            continue
        abbreviated = end.group()[1].isspace() and _ABBREVIATION.search(before)
        if abbreviated or any(first < end.end() < last for first, last in spans):
            continue
        yield end.end()

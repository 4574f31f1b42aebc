"""Passages: parts of a long document, read one at a time, so that memory does not grow with its length."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

from atlop.documents import Document, Entity, Mention


@dataclass(frozen=True)
class Passage:
    """Consecutive sentences of a document. Neighbours may overlap, but each sentence is owned by exactly one."""

    start: int
    """Its first sentence."""
    stop: int
    """The sentence after its last."""
    own_start: int
    """The first sentence that is its own."""
    own_stop: int
    """The sentence after the last that is its own."""

    @property
    def own(self) -> range:
        """The sentences that are its own, counted within the passage."""
        return range(self.own_start - self.start, self.own_stop - self.start)

    def of(self, document: Document) -> Document:
        """Return the passage as a document without text, and without entities."""
        return Document(document.title, document.sentences[self.start : self.stop])

    def mark(self, document: Document, entities: Sequence[Entity]) -> tuple[Document, list[int]]:
        """Return the passage as a document with its entities, and the number of each in the whole document."""
        inside = [(number, tuple(self._inside(entity.mentions))) for number, entity in enumerate(entities)]
        kept = [(number, Entity(mentions)) for number, mentions in inside if mentions]
        return replace(self.of(document), entities=tuple(entity for _, entity in kept)), [number for number, _ in kept]

    def _inside(self, mentions: Iterable[Mention]) -> Iterator[Mention]:
        """Yield the mentions in the passage, their sentences counted within it."""
        for mention in mentions:
            if self.start <= mention.sentence < self.stop:
                yield replace(mention, sentence=mention.sentence - self.start)


def split(lengths: Sequence[int], *, most: int, overlap: int) -> list[Passage]:
    """Split a document into passages of whole sentences; one that fits is a single passage.

    Args:
        lengths: subwords of each sentence.
        most: subwords of a passage; a single sentence may have more.
        overlap: the most subwords that two neighbours share.
    """
    total = list(accumulate(lengths, initial=0))
    bounds = [(0, _end(total, 0, most))]
    while bounds[-1][1] < len(lengths):
        first, stop = bounds[-1]
        # Step back from the end by whole sentences, if the next passage still reaches further.
        start = max(first + 1, bisect_left(total, total[stop] - overlap))
        start = start if start < stop < _end(total, start, most) else stop
        bounds.append((start, _end(total, start, most)))
    # A sentence in two passages belongs to the one in which it is farther from the edge.
    cuts = [0, *((one[1] + two[0] + 1) // 2 for one, two in pairwise(bounds)), len(lengths)]
    return [Passage(*bound, *own) for bound, own in zip(bounds, pairwise(cuts), strict=True)]


def _end(total: Sequence[int], start: int, most: int) -> int:
    """Return the sentence after the last of a passage, from the running total of subwords before each sentence."""
    return min(max(start + 1, bisect_right(total, total[start] + most) - 1), len(total) - 1)

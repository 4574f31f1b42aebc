"""Where the markers around mentions stand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from atlop.documents import Mention

Place = tuple[int, int]
"""A word: index of its sentence, index within it."""


def shared_markers(mentions: Iterable[Mention]) -> tuple[Counter[Place], Counter[Place]]:
    """Return one marker where any mention starts and one where any ends, as in the published DocRED reader.

    Returns:
        The number of markers before and after each word.
    """
    spans = [(mention.sentence, mention.start, mention.end) for mention in mentions]
    before = Counter({(sentence, start): 1 for sentence, start, _ in spans})
    return before, Counter({(sentence, end - 1): 1 for sentence, _, end in spans})


def each_marker(mentions: Iterable[Mention]) -> tuple[Counter[Place], Counter[Place]]:
    """Return a pair of markers for every distinct span and type, as in the published CDR and GDA reader."""
    spans = {(mention.sentence, mention.start, mention.end, mention.type) for mention in mentions}
    before = Counter((sentence, start) for sentence, start, _, _ in spans)
    return before, Counter((sentence, end - 1) for sentence, _, end, _ in spans)


def no_markers(mentions: Iterable[Mention]) -> tuple[Counter[Place], Counter[Place]]:
    """Return no markers, the ablation."""
    return Counter(), Counter()


MARKERS: dict[str, Callable[[Iterable[Mention]], tuple[Counter[Place], Counter[Place]]]] = {
    "shared": shared_markers,
    "each": each_marker,
    "none": no_markers,
}
"""The choices of ``ModelConfig.markers``."""

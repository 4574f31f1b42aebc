"""All limits on how much is computed and held in memory at once.

Apart from the size and overlap of passages, none of them changes a result beyond rounding. The letters of shapes
are those of :mod:`atlop.model`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

DOCUMENTS = 64
"""Documents that are read ahead and sorted by length, so that a batch holds documents of similar length."""

CPU_BATCH = 768
"""Subwords of a batch of documents on a CPU, padding included: small, so that a batch stays in the cache."""

GPU_BATCH = 16384
"""Subwords of a batch of documents on any other device, enough to keep it busy."""

CPU_WORKERS = 8
"""The most batches that are predicted at the same time on a CPU."""

ENCODER_SUBWORDS = 768
"""Subwords that pass through the encoder at one time on a CPU, padding included."""

CONTEXT_WEIGHTS = 2**24
"""Products of attentions [A, E, L] from which contexts are made, for A first entities of a document."""

PAIRS = 4096
"""Ordered pairs whose head and tail [P, K] are held."""

BILINEAR_PRODUCTS = 2**24
"""Elements of the outer products [P, block, block] that are held; limits the pairs of a layer with large blocks."""

BILINEAR_PAIRS = 512
"""Ordered pairs whose outer products [P, block, block] the bilinear kernel holds: few enough for the cache of a CPU."""

PASSAGE_SUBWORDS = 1024
"""Subwords of a passage of a document whose entities are to be found; a single sentence may have more."""

PASSAGE_OVERLAP = 256
"""The most subwords that two passages share."""

EXPORTED_PAIRS = 256
"""Unordered pairs that an exported model scores at one time."""


def group_by_length(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Yield groups of indices, shortest first, whose padded size is at most ``most``.

    Args:
        lengths: the lengths to group.
        most: the limit on a group's longest length times its size; a single length may exceed it.
    """
    group: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        # In ascending order, the newest length is the longest of its group.
        if group and (len(group) + 1) * lengths[place] > most:
            yield group
            group = []
        group.append(place)
    if group:
        yield group

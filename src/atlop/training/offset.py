"""The threshold offset: one number, added to every margin, that trades precision for recall without training.

Most models trained with the adaptive thresholding loss are too confident that there is no relation. An offset chosen by
the F1 of dev documents corrects that.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from atlop.documents import Document
from atlop.extractor import PairScores
from atlop.features import label_matrix
from atlop.labels import LabelMap


def best_offset(scores: Iterable[PairScores], gold: Sequence[Document], labels: LabelMap) -> float:
    """Return the offset with the best F1 over documents, ignoring the limit on the relations of one pair.

    Args:
        scores: the scores of the documents by a model whose offset is 0.
        gold: the documents with their relations, in the same order.
        labels: the model's label map.

    Returns:
        The offset, half-way between two distinct margins, so that equal margins are all kept or all dropped; 0 if no
        offset finds a relation.
    """
    margins, right = [], []
    for score, document in zip(scores, gold, strict=True):
        margins.append((score.logits - score.logits[:, :1])[:, 1:].ravel())
        pairs = [(head, tail) for head, tail in score.pairs.tolist()]
        right.append(label_matrix(document, labels, pairs)[:, 1:].ravel())
    wanted = sum(len(document.relations) for document in gold)
    scored = any(map(len, margins))
    return _best_cut(np.concatenate(margins), np.concatenate(right), wanted) if wanted and scored else 0.0


def _best_cut(margins: NDArray[np.float32], right: NDArray[np.bool_], wanted: int) -> float:
    """Return the offset that moves exactly the margins above the best cut over zero."""
    order = np.argsort(-margins, kind="stable")
    ranked, found = margins[order].astype(np.float64), np.cumsum(right[order])
    f1 = 2 * found / (np.arange(1, len(ranked) + 1) + wanted)
    # The last of each run of equal margins, between which nothing can be cut.
    (ends,) = np.append(ranked[1:] != ranked[:-1], True).nonzero()
    last = int(ends[f1[ends].argmax()])
    if not f1[last]:
        return 0.0
    after = ranked[last + 1] if last + 1 < len(ranked) else ranked[last] - 1
    return float(-(ranked[last] + after) / 2)

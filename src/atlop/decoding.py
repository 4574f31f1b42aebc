"""Logits to relations: which relations each pair has, and which sentences are their evidence.

The letters of shapes are those of :mod:`atlop.model`.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Offset: TypeAlias = float | NDArray[np.float32]
"""What is added to margins: one number, or one for each column, [R]."""

EVIDENCE = 0.15
"""Share of a pair's context, times the confidence of the relation, that makes a sentence evidence.

DREEAM thresholds the share alone, at 0.2, whatever the confidence; docs/evaluation.md compares the two.
"""


def margins(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the margin of each relation over the threshold of its pair, [P, R]; that of column 0 is 0."""
    return logits - logits[:, :1]


def decode(logits: NDArray[np.float32], max_labels: int | None = None, offset: Offset = 0.0) -> NDArray[np.bool_]:
    """Return which relations each pair has: those above the threshold, at most ``max_labels`` (paper section 4.1).

    Args:
        logits: [P, R].
        max_labels: the most relations of a pair; all that tie for the last place are kept.
        offset: added to the margins, [R] or a number.

    Returns:
        True where the pair has the relation, [P, R]; column 0 is true where it has none.
    """
    chosen = margins(logits) + np.asarray(offset, dtype=np.float32) > 0
    chosen[:, 0] = False
    if max_labels is not None and max_labels < logits.shape[1] - 1:
        crowded = np.flatnonzero(chosen.sum(1) > max_labels)
        # A single offset for all columns does not change their order.
        scores = (logits + offset if np.ndim(offset) else logits)[crowded, 1:]
        last = np.partition(scores, -max_labels, axis=1)[:, -max_labels]
        chosen[crowded, 1:] &= scores >= last[:, None]
    chosen[:, 0] = ~chosen.any(1)
    return chosen


def choose_evidence(
    weights: NDArray[np.float32] | None,
    pairs: NDArray[np.int64],
    confidence: NDArray[np.floating[Any]],
    least: float = EVIDENCE,
) -> list[tuple[int, ...] | None]:
    """Return the evidence sentences of some relations: those with enough of the context, or else the best one.

    The less confident a relation is, the larger the share must be: evidence is right only if its relation is.

    Args:
        weights: context weights by sentence, [P, T], or ``None``.
        pairs: the pair of each relation, [N].
        confidence: the confidence of each relation, [N].
        least: what the share of the context times the confidence must reach.
    """
    if weights is None or not weights.shape[1]:
        return [None] * len(pairs)
    rows = weights[pairs]
    needed = (least / np.maximum(confidence, least)).astype(np.float32)
    chosen = rows >= np.minimum(needed[:, None], rows.max(1, keepdims=True))
    return [tuple(np.flatnonzero(row).tolist()) for row in chosen]

"""Whether confidences are what they say: of the facts with confidence 0.8, 80 % should be right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 15
"""Number of bins, with equally many confidences each."""

LEAST = 0.1
"""Lower confidences are left out: nearly all relations of nearly all pairs are surely wrong."""


@dataclass(frozen=True)
class Bin:
    """A group of similar confidences."""

    count: int
    """How many."""
    confidence: float
    """Their mean."""
    right: float
    """The share of them that is right."""


def reliability(
    confidence: NDArray[np.floating[Any]], right: NDArray[np.bool_], *, least: float = LEAST, bins: int = BINS
) -> list[Bin]:
    """Return the bins of a reliability diagram, lowest first; fewer where there are too few confidences.

    Args:
        confidence: [N].
        right: whether each is right, [N].
        least: the lowest confidence that counts.
        bins: number of bins, of equally many confidences.
    """
    kept = confidence >= least
    confidence, right = confidence[kept], right[kept]
    order = np.argsort(confidence, kind="stable")
    groups = (group for group in np.array_split(order, bins) if len(group))
    return [Bin(len(group), float(confidence[group].mean()), float(right[group].mean())) for group in groups]


def calibration_error(
    confidence: NDArray[np.floating[Any]], right: NDArray[np.bool_], *, least: float = LEAST, bins: int = BINS
) -> float:
    """Return the expected calibration error, the mean difference between confidence and truth over all bins.

    The arguments are those of :func:`reliability`. Returns 0 if there are no confidences.
    """
    found = reliability(confidence, right, least=least, bins=bins)
    total = sum(part.count for part in found)
    return sum(part.count * abs(part.confidence - part.right) for part in found) / max(1, total)

"""The confidence of a margin: the probability that its relation is right, fitted on labelled margins.

N is the number of margins.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlop.calibration import Calibration

Floats = NDArray[np.floating[Any]]
Truth = NDArray[np.bool_]

Confidence = dict[str, Any]
"""The fields of a Calibration that turn a margin into a confidence."""

TOLERANCE = 0.005
"""How far a confidence may be off the fitted curve, half a percentage point, so that few points need be stored."""


def fit_confidence(margins: Floats, right: Truth) -> Confidence:
    """Fit a sigmoid and a monotonic curve, and return the one that fits held-out margins better.

    Args:
        margins: [N].
        right: whether each is the margin of a true relation, [N].

    Returns:
        The fields; none if one half of the margins, which alternate by rank, has only right or only wrong ones.
    """
    # Places alternate between relations or directions, so that one half could have all that is true.
    order = np.argsort(margins, kind="stable")
    halves = [(margins[chosen], right[chosen]) for chosen in (order[::2], order[1::2])]
    if any(half.all() or not half.any() for _, half in halves):
        return {}
    fits: tuple[Callable[[Floats, Truth], Confidence], ...] = (fit_sigmoid, fit_curve)
    losses = [_loss(fit(*halves[0]), *halves[1]) + _loss(fit(*halves[1]), *halves[0]) for fit in fits]
    return fits[int(np.argmin(losses))](margins, right)


def fit_sigmoid(margins: Floats, right: Truth) -> Confidence:
    """Fit a scale and a bias (Platt, 1999)."""
    from sklearn.linear_model import LogisticRegression

    # The default penalty matters only for a handful of margins, which might otherwise need an infinite scale.
    fitted = LogisticRegression().fit(margins[:, None].astype(np.float64), right)
    scale, bias = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if scale > 0:
        return {"scale": scale, "bias": bias}
    # A higher margin must not have a lower confidence, so all have the same.
    share = float(right.mean())
    return {"scale": 0.0, "bias": float(np.log(share / (1 - share)))}


def fit_curve(margins: Floats, right: Truth) -> Confidence:
    """Fit a curve: isotonic regression, each of its levels at the mean of its margins (Oron and Flournoy, 2017).

    A few margins may all be right by chance, which does not make the next one certain, so half a wrong margin is added
    at the highest one and half a right margin at the lowest.
    """
    from sklearn.isotonic import IsotonicRegression

    values = margins.astype(np.float64)
    x, y = np.append(values, [values.max(), values.min()]), np.append(right, [0.0, 1.0])
    weights = np.append(np.ones(len(values)), [0.5, 0.5])
    fitted = IsotonicRegression(y_min=0, y_max=1).fit(x, y, sample_weight=weights).predict(values)
    levels, level, counts = np.unique(fitted, return_inverse=True, return_counts=True)
    centres = np.bincount(level, values) / counts
    kept = thinned(centres, levels)
    return {"curve": tuple(zip(centres[kept].round(4).tolist(), levels[kept].round(4).tolist(), strict=True))}


def thinned(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the indices of a few of the points [N], from which the others can be interpolated within the tolerance.

    To the first and the last point, the point that is farthest off is added in turn (Douglas and Peucker, 1973).
    """
    kept = [0, len(x) - 1]
    while (off := np.abs(np.interp(x, x[kept], y[kept]) - y)).max() > TOLERANCE:
        kept = sorted([*kept, int(off.argmax())])
    return np.unique(kept)


def _loss(confidence: Confidence, margins: Floats, right: Truth) -> float:
    """Return the mean squared difference between confidences and truth (Brier, 1950)."""
    return float(np.square(Calibration(**confidence).confidence(margins) - right).mean())

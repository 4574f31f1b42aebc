"""The probability that a relation with a certain margin is right, fitted on margins of which it is known.

N counts the margins.
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
"""The fields of a Calibration that make a confidence of a margin."""

TOLERANCE = 0.005
"""How far a confidence may be from the fitted curve, so that few points are stored: half of a percent."""


def fit_confidence(margins: Floats, right: Truth) -> Confidence:
    """Fit a sigmoid and a monotonic curve, and return the one that fits better where it was not fitted.

    Args:
        margins: [N].
        right: whether each is the margin of a true relation, [N].
    """
    halves = (margins[1::2], right[1::2]), (margins[::2], right[::2])
    if any(half.all() or not half.any() for _, half in halves):
        return {}
    fits: tuple[Callable[[Floats, Truth], Confidence], ...] = (fit_sigmoid, fit_curve)
    losses = [_loss(fit(*halves[0]), *halves[1]) + _loss(fit(*halves[1]), *halves[0]) for fit in fits]
    return fits[int(np.argmin(losses))](margins, right)


def fit_sigmoid(margins: Floats, right: Truth) -> Confidence:
    """Fit a scale and a bias (Platt, 1999)."""
    from sklearn.linear_model import LogisticRegression

    # The default penalty matters only to a handful of margins, which might otherwise need an infinite scale.
    fitted = LogisticRegression().fit(margins[:, None].astype(np.float64), right)
    scale, bias = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if scale > 0:
        return {"scale": scale, "bias": bias}
    # A higher margin must not be less sure, so all are equally sure.
    share = float(right.mean())
    return {"scale": 0.0, "bias": float(np.log(share / (1 - share)))}


def fit_curve(margins: Floats, right: Truth) -> Confidence:
    """Fit a curve: isotonic regression, each of its levels at the mean of its margins (Oron and Flournoy, 2017).

    Few margins may all be right by chance, which does not make the next one certain, so half a wrong one is added at
    the highest margin and half a right one at the lowest.
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


def thinned(x: NDArray[np.float64], y: NDArray[np.float64], tolerance: float = TOLERANCE) -> NDArray[np.int64]:
    """Return the places of few points [N] between which the others are interpolated within a tolerance.

    From the first and the last point on, the point that is farthest off is added (Douglas and Peucker, 1973).
    """
    kept = [0, len(x) - 1]
    while (off := np.abs(np.interp(x, x[kept], y[kept]) - y)).max() > tolerance:
        kept = sorted([*kept, int(off.argmax())])
    return np.unique(kept)


def _loss(confidence: Confidence, margins: Floats, right: Truth) -> float:
    """Return the mean squared difference of confidences from what is right (Brier, 1950)."""
    return float(np.square(Calibration(**confidence).confidence(margins) - right).mean())

"""What is fitted on dev documents after training: the margin above which a relation is predicted, and its confidence.

The margin of a relation is how far its logit is above that of its pair's threshold.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlop.errors import CheckpointError, got

Floats = NDArray[np.floating[Any]]

MOVED = {"threshold_offset": 0.0, "temperature": 1.0}
"""Settings of a model in version 0.1 that the calibration has replaced, with their defaults."""


@dataclass(frozen=True)
class Calibration:
    """Where relations are cut off, and the confidence of a margin; the default leaves a model as it was trained.

    Raises:
        CheckpointError: if a value is of the wrong type, not finite, or the curve is not monotonic.
    """

    offset: float = 0.0
    """Added to every margin; a relation is predicted if the sum is above 0."""
    relation_offsets: Mapping[str, float] = field(default_factory=dict)
    """What replaces ``offset`` for certain relations, by name."""
    scale: float = 1.0
    """The confidence is sigmoid(scale * margin + bias), unless there is a curve."""
    bias: float = 0.0
    """See ``scale``."""
    curve: tuple[tuple[float, float], ...] = ()
    """Margins and their confidences, both ascending, between which the confidence is interpolated."""

    def __post_init__(self) -> None:
        own = self.relation_offsets
        if not isinstance(own, Mapping):
            raise _wrong("relation_offsets", own, "an object with a number for each relation")
        numbers = {"offset": self.offset, "scale": self.scale, "bias": self.bias}
        for name, value in [*numbers.items(), *((f"relation_offsets.{name}", value) for name, value in own.items())]:
            if not _is_number(value):
                raise _wrong(name, value, "a finite number")
        if self.scale < 0:
            raise _wrong("scale", self.scale, "a number that is not negative")
        if not _is_curve(self.curve):
            raise _wrong("curve", self.curve, "a list of [margin, confidence from 0 to 1], both ascending")
        object.__setattr__(self, "curve", tuple((float(margin), float(value)) for margin, value in self.curve))

    def offsets(self, relations: Sequence[str]) -> NDArray[np.float32]:
        """Return what to add to the margins of relations, [R], 0 for the threshold."""
        found = [self.relation_offsets.get(name, self.offset) for name in relations]
        return np.array([0.0, *found], dtype=np.float32)

    def confidence(self, margins: Floats) -> NDArray[np.float64]:
        """Return the probability that relations are right, by their margins."""
        if self.curve:
            known, confidences = zip(*self.curve, strict=True)
            interpolated: NDArray[np.float64] = np.interp(margins, known, confidences)
            return interpolated
        # The sigmoid in terms of tanh, which does not overflow.
        return np.tanh((self.scale * margins.astype(np.float64) + self.bias) / 2) / 2 + 0.5

    def to_json(self) -> dict[str, Any]:
        """Return the object that a model folder stores."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Any) -> Calibration:
        """Read what :meth:`to_json` returned.

        Raises:
            CheckpointError: if it is something else.
        """
        known = set(asdict(cls()))
        if not isinstance(stored, dict) or not stored.keys() <= known:
            raise CheckpointError(f"got {got(stored)}, expected an object with {', '.join(sorted(known))}")
        return cls(**stored)

    @classmethod
    def from_settings(cls, settings: Any) -> Calibration:
        """Return the calibration that the settings of a model of version 0.1 amount to.

        Raises:
            CheckpointError: if they are not numbers, or the temperature is not above 0.
        """
        given = settings if isinstance(settings, dict) else {}
        offset, temperature = (given.get(name, default) for name, default in MOVED.items())
        if not (_is_number(offset) and _is_number(temperature) and temperature > 0):
            found = f"threshold_offset {got(offset)} and temperature {got(temperature)}"
            raise CheckpointError(f"got {found}, expected two finite numbers, the second above 0")
        return cls(offset, scale=1 / temperature, bias=offset / temperature)


def _wrong(name: str, value: object, expected: str) -> CheckpointError:
    return CheckpointError(f"{name}: got {got(value)}, expected {expected}")


def _is_number(value: object) -> bool:
    # JSON may contain integers that are too large for a float.
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max


def _is_curve(curve: object) -> bool:
    if not isinstance(curve, Sequence) or isinstance(curve, str):
        return False
    if not all(isinstance(point, Sequence) and len(point) == 2 and all(map(_is_number, point)) for point in curve):
        return False
    margins, confidences = [point[0] for point in curve], [point[1] for point in curve]
    return margins == sorted(margins) and confidences == sorted(confidences) and all(0 <= c <= 1 for c in confidences)

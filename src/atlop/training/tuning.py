"""Calibration of a trained model on dev documents: the offset of its threshold, and the confidence of its margins.

Most models trained with the adaptive thresholding loss are too confident that there is no relation; an offset corrects
that. What a margin means is fitted apart from it: of the facts with confidence 0.8, 80 % are right.

What is fitted on documents is scored on others: :func:`score_by_halves` fits on one half, scores on the other, swaps
them and averages. The limit on the relations of one pair is ignored. N counts the relations of all scored pairs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from atlop.calibration import Calibration
from atlop.decoding import margins
from atlop.documents import Document
from atlop.errors import AtlopError, got
from atlop.evaluation import Counts, calibration_error
from atlop.extractor import PairScores
from atlop.features import label_matrix
from atlop.labels import LabelMap

SHRINKAGE = 100
"""The offset of a relation with so many facts is half its own and half that of all relations."""

IGNORED = 0.01
"""Share of the true relations whose margins are so low that they, and the many below them, are not looked at."""

Confidence = dict[str, Any]
"""The fields of a :class:`~atlop.calibration.Calibration` that make a confidence of a margin."""


@dataclass(frozen=True)
class Objective:
    """What an offset is chosen for: the best F1, or the most that a precision or recall allows."""

    metric: str = "f1"
    """``f1``, ``precision`` or ``recall``."""
    least: float = 0.0
    """The precision or recall to reach."""

    @classmethod
    def parse(cls, text: str) -> Objective:
        """Read ``f1``, ``precision=0.9`` or ``recall=0.8``.

        Raises:
            AtlopError: if it is something else.
        """
        match = re.fullmatch(r"(precision|recall)=(0?\.\d+|1|1\.0+)", text)
        if text != "f1" and match is None:
            raise AtlopError(f"objective: got {got(text)}, expected f1, precision=NUMBER or recall=NUMBER, from 0 to 1")
        return cls() if match is None else cls(match[1], float(match[2]))

    def best(self, found: NDArray[np.int64], claimed: NDArray[np.int64], wanted: int) -> int | None:
        """Return which of several cuts is the best, or ``None`` if none will do.

        Args:
            found: true positives of each cut, ascending.
            claimed: claimed facts of each cut, ascending.
            wanted: number of labelled facts.
        """
        if self.metric == "f1":
            return int((found / (claimed + wanted)).argmax()) if found.any() else None
        reached = found >= self.least * (claimed if self.metric == "precision" else wanted)
        return int(np.flatnonzero(reached)[-1 if self.metric == "precision" else 0]) if reached.any() else None


@dataclass(frozen=True)
class Margins:
    """The margins of all relations of all scored pairs, and which of them are true."""

    values: NDArray[np.float32]
    """[N]."""
    right: NDArray[np.bool_]
    """Whether the pair has the relation, [N]."""
    relation: NDArray[np.int16]
    """The relation, counted from 0 as in the label map, [N]."""
    wanted: NDArray[np.int64]
    """Labelled facts of each relation, those of pairs that are not scored included, [R - 1]."""

    @classmethod
    def of(cls, scores: Sequence[PairScores], gold: Sequence[Document], labels: LabelMap) -> Margins:
        """Collect the margins of documents, and their labels from the same documents with their relations."""
        values, right = [np.zeros(0, np.float32)], [np.zeros(0, np.bool_)]
        wanted = np.zeros(len(labels) - 1, np.int64)
        for score, document in zip(scores, gold, strict=True):
            values.append(margins(score.logits)[:, 1:].ravel())
            pairs = [(head, tail) for head, tail in score.pairs.tolist()]
            right.append(label_matrix(document, labels, pairs)[:, 1:].ravel())
            np.add.at(wanted, [labels.column(fact.relation) - 1 for fact in set(document.relations)], 1)
        joined = np.concatenate(values)
        relation = np.resize(np.arange(len(wanted), dtype=np.int16), len(joined))
        return cls(joined, np.concatenate(right), relation, wanted)

    def likely(self) -> Margins:
        """Return the margins that are not below those of nearly all true relations: a few in a hundred."""
        if not self.right.any():
            return self
        return self.where(self.values >= np.quantile(self.values[self.right], IGNORED))

    def where(self, chosen: NDArray[np.bool_]) -> Margins:
        """Return some of the margins, with the labelled facts of all relations."""
        return Margins(self.values[chosen], self.right[chosen], self.relation[chosen], self.wanted)

    def counts(self, calibration: Calibration, labels: LabelMap) -> Counts:
        """Count what is predicted with the offsets of a calibration."""
        claimed = self.values + calibration.offsets(labels.relations)[1:][self.relation] > 0
        found = int((claimed & self.right).sum())
        return Counts(found, int(claimed.sum()) - found, int(self.wanted.sum()) - found)


def tune(
    margins: Margins, labels: LabelMap, *, objective: Objective = Objective(), per_relation: bool = False
) -> Calibration:
    """Fit a calibration.

    Args:
        margins: those of dev documents.
        labels: the model's label map.
        objective: what to choose the offset for.
        per_relation: whether to give each relation an offset of its own, shrunk towards that of all.

    Raises:
        AtlopError: if no offset reaches the objective, or there are offsets per relation for another one than F1.
    """
    if per_relation and objective.metric != "f1":
        raise AtlopError(f"per_relation: got the objective {objective.metric}, expected f1")
    margins = margins.likely()
    offset = best_offset(margins, objective)
    own = _relation_offsets(margins, offset, labels) if per_relation else {}
    return Calibration(offset, own, **_confidence(margins))


def best_offset(margins: Margins, objective: Objective = Objective()) -> float:
    """Return the offset that meets an objective best.

    Returns:
        The offset, half-way between two distinct margins, so that equal margins are all kept or all dropped; 0 if no
        offset finds a relation.

    Raises:
        AtlopError: if no offset reaches the precision or recall.
    """
    order, ends = _cuts(margins)
    found = np.cumsum(margins.right[order])[ends]
    best = objective.best(found, ends + 1, int(margins.wanted.sum()))
    if best is None and objective.metric != "f1":
        raise AtlopError(f"objective: no offset reaches {objective.metric} {objective.least:g} on these documents")
    return 0.0 if best is None else _between(margins.values[order], int(ends[best]))


def _cuts(margins: Margins) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the order of margins, highest first, and the last place of each run of equal ones; they stay together."""
    order = np.argsort(-margins.values, kind="stable")
    ranked = margins.values[order]
    return order, np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)].nonzero()[0]


def _between(ranked: NDArray[np.float32], last: int) -> float:
    """Return the offset that moves exactly the margins up to a place over zero."""
    after = ranked[last + 1] if last + 1 < len(ranked) else ranked[last] - 1
    return -(float(ranked[last]) + float(after)) / 2


def _relation_offsets(margins: Margins, common: float, labels: LabelMap) -> dict[str, float]:
    """Return the offset of every relation that has facts, shrunk towards the common one by how few it has."""
    f1 = margins.counts(Calibration(common), labels).f1
    offsets = {}
    for place, name in enumerate(labels.relations):
        facts = int(margins.wanted[place])
        if facts:
            own = _own_offset(margins.where(margins.relation == place), f1, common)
            offsets[name] = (facts * own + SHRINKAGE * common) / (facts + SHRINKAGE)
    return offsets


def _own_offset(margins: Margins, f1: float, common: float) -> float:
    """Return the offset of one relation that adds most to the F1 of all of them, which is ``f1`` about."""
    order, ends = _cuts(margins)
    # A ratio 2 found / (claimed + wanted) is largest where 2 found - ratio * claimed is, at its largest value.
    gain = 2 * np.cumsum(margins.right[order])[ends] - f1 * (ends + 1)
    return _between(margins.values[order], int(ends[gain.argmax()])) if len(gain) and gain.max() > 0 else common


def _confidence(margins: Margins) -> Confidence:
    """Fit a sigmoid and a monotonic curve, and return the one that fits better where it was not fitted."""
    odd = np.arange(len(margins.values)) % 2 == 1
    halves = margins.where(odd), margins.where(~odd)
    if any(half.right.all() or not half.right.any() for half in halves):
        return {}
    fits: tuple[Callable[[Margins], Confidence], ...] = (_sigmoid, _curve)
    losses = [_loss(fit(halves[0]), halves[1]) + _loss(fit(halves[1]), halves[0]) for fit in fits]
    return fits[int(np.argmin(losses))](margins)


def _sigmoid(margins: Margins) -> Confidence:
    """Fit a scale and a bias (Platt, 1999)."""
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=1e6).fit(margins.values[:, None].astype(np.float64), margins.right)
    return {"scale": float(fitted.coef_[0, 0]), "bias": float(fitted.intercept_[0])}


def _curve(margins: Margins) -> Confidence:
    """Fit a monotonic curve (isotonic regression)."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=0, y_max=1).fit(margins.values.astype(np.float64), margins.right)
    points = zip(fitted.X_thresholds_.tolist(), fitted.y_thresholds_.tolist(), strict=True)
    return {"curve": tuple(points)}


def _loss(confidence: Confidence, margins: Margins) -> float:
    """Return the mean squared difference of confidences from what is right (Brier, 1950)."""
    return float(np.square(Calibration(**confidence).confidence(margins.values) - margins.right).mean())


@dataclass(frozen=True)
class TunedScores:
    """Scores of one half of the documents with a calibration that was fitted on the other, averaged over both."""

    f1: float
    precision: float
    recall: float
    calibration_error: float
    """See :func:`~atlop.evaluation.calibration_error`."""
    uncalibrated_error: float
    """The same of a sigmoid of the margin, as the model was trained."""


def score_by_halves(
    scores: Sequence[PairScores], gold: Sequence[Document], labels: LabelMap, **options: Any
) -> TunedScores:
    """Fit on one half of the documents, score on the other, swap them and average.

    Args:
        scores: the scores of the documents.
        gold: the documents with their relations, in the same order.
        labels: the model's label map.
        options: those of :func:`tune`.
    """
    first, second = (Margins.of(scores[start::2], gold[start::2], labels) for start in (0, 1))
    rows = [
        _score(second, tune(first, labels, **options), labels),
        _score(first, tune(second, labels, **options), labels),
    ]
    return TunedScores(**{name: float(np.mean([row[name] for row in rows])) for name in rows[0]})


def _score(margins: Margins, calibration: Calibration, labels: LabelMap) -> Mapping[str, float]:
    counts = margins.counts(calibration, labels)
    return {
        "f1": counts.f1,
        "precision": counts.precision,
        "recall": counts.recall,
        "calibration_error": calibration_error(calibration.confidence(margins.values), margins.right),
        "uncalibrated_error": calibration_error(Calibration().confidence(margins.values), margins.right),
    }

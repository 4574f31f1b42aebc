"""Calibration of a trained model on dev documents: the offset of its threshold, and the confidence of its margins.

Most models trained with the adaptive thresholding loss are too confident that there is no relation; an offset corrects
that. Confidence is fitted separately, so that of the facts with confidence 0.8, 80 % are right.

Nothing is scored on the documents that it was fitted on: :func:`score_by_halves` scores each half of them with what was
fitted on the other half. The limit on the relations of one pair is ignored. N is the number of margins: one for each
relation of each scored pair.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
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
from atlop.labels import LabelMap
from atlop.targets import label_matrix
from atlop.training.confidence import fit_confidence

SHRINKAGE = 100
"""Number of facts with which the offset of a relation is half its own and half that of all relations."""

CLAIMS = 20
"""Only the highest margins are considered, this many for each labelled fact: with more claims, F1 is below 0.1."""


@dataclass(frozen=True)
class Objective:
    """What an offset is chosen for: the best F1, the most claims at a precision, or the best precision at a recall."""

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
        match = re.fullmatch(r"(precision|recall)=(\d*\.?\d+)", text)
        least = float(match[2]) if match else 0.0
        if text != "f1" and not 0 < least <= 1:
            expected = "f1, precision=NUMBER or recall=NUMBER, the number above 0 and at most 1"
            raise AtlopError(f"objective: got {got(text)}, expected {expected}")
        return cls(match[1], least) if match else cls()

    def scores(self, found: NDArray[np.int64], claimed: NDArray[np.int64], wanted: int) -> NDArray[np.float64]:
        """Return the metric at several cuts.

        Args:
            found: true positives of each cut, ascending.
            claimed: claimed facts of each cut, ascending.
            wanted: number of labelled facts.
        """
        if self.metric == "f1":
            return 2 * found / (claimed + wanted)
        return found / (claimed if self.metric == "precision" else max(1, wanted))

    def best(self, scores: NDArray[np.float64], precisions: NDArray[np.float64]) -> int | None:
        """Return the index of the best of the cuts with these scores and precisions, or ``None`` if none will do."""
        if self.metric == "f1":
            return int(scores.argmax()) if scores.any() else None
        reached = np.flatnonzero(scores >= self.least)
        if not len(reached):
            return None
        return int(reached[-1 if self.metric == "precision" else precisions[reached].argmax()])


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
    """Labelled facts of each relation, pairs that are not scored included, [R]; the last entry counts the facts whose
    relation the model does not know."""

    @classmethod
    def of(cls, scores: Sequence[PairScores], gold: Sequence[Document], labels: LabelMap) -> Margins:
        """Collect the margins of documents, and their labels from the same documents with their relations."""
        values, right = [np.zeros(0, np.float32)], [np.zeros(0, np.bool_)]
        wanted = np.zeros(len(labels), np.int64)
        for score, document in zip(scores, map(_scored, gold), strict=True):
            known = [fact for fact in document.relations if fact.relation in labels.relations]
            wanted[-1] += len(document.relations) - len(known)
            np.add.at(wanted, [labels.column(fact.relation) - 1 for fact in known], 1)
            values.append(margins(score.logits)[:, 1:].ravel())
            pairs = [(head, tail) for head, tail in score.pairs.tolist()]
            right.append(label_matrix(document.with_relations(tuple(known)), labels, pairs)[:, 1:].ravel())
        joined = np.concatenate(values)
        relation = np.resize(np.arange(len(labels) - 1, dtype=np.int16), len(joined))
        return cls(joined, np.concatenate(right), relation, wanted)

    def likely(self) -> Margins:
        """Return the highest margins, a few per cent of those of a corpus, among which the cut of the best F1 is."""
        most = max(1, CLAIMS * int(self.wanted.sum()))
        if most >= len(self.values):
            return self
        return self.where(self.values >= np.partition(self.values, -most)[-most])

    def where(self, chosen: NDArray[np.bool_]) -> Margins:
        """Return some of the margins; the labelled facts remain those of all relations."""
        return Margins(self.values[chosen], self.right[chosen], self.relation[chosen], self.wanted)

    def counts(self, calibration: Calibration, labels: LabelMap) -> Counts:
        """Count what is predicted with the offsets of a calibration."""
        claimed = self.values + calibration.offsets(labels.relations)[1:][self.relation] > 0
        found = int((claimed & self.right).sum())
        return Counts(found, int(claimed.sum()) - found, int(self.wanted.sum()) - found)


def _scored(document: Document) -> Document:
    """Return a document with the relations that :func:`~atlop.evaluation.evaluate` counts: those of its candidates."""
    if document.candidates is None:
        return document
    listed = set(document.candidates)
    return document.with_relations(tuple(fact for fact in document.relations if (fact.head, fact.tail) in listed))


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
        AtlopError: if no offset reaches the objective, or it is not F1 and offsets are to be per relation.
    """
    check_options(objective, per_relation=per_relation)
    likely, offset = margins.likely(), best_offset(margins, objective)
    own = _relation_offsets(likely, offset, labels) if per_relation else {}
    return Calibration(offset, own, **fit_confidence(likely.values, likely.right))


def check_options(objective: Objective, *, per_relation: bool) -> None:
    """Raise an AtlopError for offsets per relation with an objective other than F1."""
    if per_relation and objective.metric != "f1":
        raise AtlopError(f"per_relation: got the objective {objective.metric}, expected f1")


def best_offset(margins: Margins, objective: Objective = Objective()) -> float:
    """Return the offset that meets an objective best.

    Returns:
        The offset, half-way between two distinct margins, so that equal margins are all kept or all dropped; 0 if no
        offset finds a relation.

    Raises:
        AtlopError: if no offset reaches the precision or recall.
    """
    # A required precision or recall may need lower margins.
    likely = margins.likely() if objective.metric == "f1" else margins
    order, ends = _cuts(likely)
    found = likely.right[order].cumsum(dtype=np.int64)[ends]
    scores = objective.scores(found, ends + 1, int(margins.wanted.sum()))
    best = objective.best(scores, found / (ends + 1))
    if best is None and objective.metric != "f1":
        problem = f"no offset reaches {objective.metric} {objective.least:g} on these documents"
        advice = "ask for less, or tune on more documents"
        raise AtlopError(f"objective: {problem}, {scores.max(initial=0):g} at best; {advice}")
    return 0.0 if best is None else _below(likely.values[order[ends[best]]], margins.values)


def _cuts(margins: Margins) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the order of margins, highest first, and the last place of each run of equal ones, which stay together."""
    order = np.argsort(-margins.values, kind="stable")
    ranked = margins.values[order]
    return order, np.append(ranked[1:] != ranked[:-1], True)[: len(ranked)].nonzero()[0]


def _below(lowest: np.float32, values: NDArray[np.float32]) -> float:
    """Return the offset that lifts the margins from ``lowest`` upwards above zero, and no others."""
    lower = values[values < lowest]
    return -(float(lowest) + float(lower.max() if len(lower) else lowest - 1)) / 2


def _relation_offsets(margins: Margins, common: float, labels: LabelMap) -> dict[str, float]:
    """Return the offset of every relation that has facts; the fewer it has, the closer it is to the common one."""
    f1 = margins.counts(Calibration(common), labels).f1
    offsets = {}
    for place, name in enumerate(labels.relations):
        facts = int(margins.wanted[place])
        if facts:
            own = _own_offset(margins.where(margins.relation == place), f1, common)
            offsets[name] = (facts * own + SHRINKAGE * common) / (facts + SHRINKAGE)
    return offsets


def _own_offset(margins: Margins, f1: float, common: float) -> float:
    """Return the offset of one relation that adds most to the F1 of all relations, which is about ``f1``."""
    order, ends = _cuts(margins)
    # 2 found / (claimed + wanted) is largest where 2 found - ratio * claimed is, with ratio at its largest value.
    gain = 2 * np.cumsum(margins.right[order])[ends] - f1 * (ends + 1)
    if gain.max(initial=0) <= 0:
        return common
    return _below(margins.values[order[ends[gain.argmax()]]], margins.values)


@dataclass(frozen=True)
class TunedScores:
    """Scores of documents, each half scored with a calibration that was fitted on the other half."""

    f1: float
    precision: float
    recall: float
    calibration_error: float
    """See :func:`~atlop.evaluation.calibration_error`."""
    uncalibrated_error: float
    """The same, with the sigmoid of the margin as the confidence, as the model was trained."""


@dataclass(frozen=True)
class Halves:
    """The margins of documents in two halves, at even and odd places, each with what was fitted on the other half."""

    margins: tuple[Margins, Margins]
    fitted: tuple[Calibration, Calibration]
    """The calibration of each half, fitted on the other one."""
    labels: LabelMap

    @classmethod
    def of(cls, scores: Sequence[PairScores], gold: Sequence[Document], labels: LabelMap, **options: Any) -> Halves:
        """Collect the margins of documents and fit the calibrations.

        Half of the documents may not reach an objective that all of them reach; it is then fitted for the best F1.

        Args:
            scores: the scores of the documents.
            gold: the documents with their relations, in the same order.
            labels: the model's label map.
            options: those of :func:`tune`.

        Raises:
            AtlopError: if the objective is not F1 and offsets are to be per relation.
        """
        even, odd = (Margins.of(scores[start::2], gold[start::2], labels) for start in (0, 1))
        return cls((even, odd), (_tuned(odd, labels, **options), _tuned(even, labels, **options)), labels)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each margin is that of a true relation, the first half before the second, [N]."""
        return np.concatenate([half.right for half in self.margins])

    def confidence(self, *fitted: Calibration) -> NDArray[np.float64]:
        """Return the confidences of the margins, [N], by a calibration for each half."""
        return np.concatenate([one.confidence(half.values) for one, half in zip(fitted, self.margins, strict=True)])

    def scores(self) -> TunedScores:
        """Score each half with what was fitted on the other."""
        pairs = zip(self.margins, self.fitted, strict=True)
        counts = sum((half.counts(calibration, self.labels) for half, calibration in pairs), Counts())
        plain = Calibration(), Calibration()
        errors = (calibration_error(self.confidence(*fitted), self.right) for fitted in (self.fitted, plain))
        return TunedScores(counts.f1, counts.precision, counts.recall, *errors)


def _tuned(
    margins: Margins, labels: LabelMap, *, objective: Objective = Objective(), per_relation: bool = False
) -> Calibration:
    """Fit a calibration, for the best F1 if no offset reaches the objective."""
    check_options(objective, per_relation=per_relation)
    try:
        return tune(margins, labels, objective=objective, per_relation=per_relation)
    except AtlopError:
        return tune(margins, labels)


def score_by_halves(
    scores: Sequence[PairScores], gold: Sequence[Document], labels: LabelMap, **options: Any
) -> TunedScores:
    """Score each half of the documents with what was fitted on the other half; see :class:`Halves`."""
    return Halves.of(scores, gold, labels, **options).scores()

"""Counts of true and false positives and false negatives, and the scores computed from them."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass
from typing import Any

FREQUENT_RELATIONS = frozenset({"P17", "P131", "P27", "P150", "P175", "P577", "P463", "P527", "P495", "P361"})
"""The ten relations that Re-DocRED scores separately; all others belong to the long tail."""


@dataclass(frozen=True, slots=True)
class Counts:
    """True positives, false positives and false negatives; ``+`` adds the counts of several documents."""

    tp: int = 0
    """True positives: claimed and labelled."""
    fp: int = 0
    """False positives: claimed, not labelled."""
    fn: int = 0
    """False negatives: labelled, not claimed."""

    @classmethod
    def of(cls, claimed: Set[Any], labelled: Set[Any]) -> Counts:
        """Compare two sets of facts of any kind."""
        return cls(len(claimed & labelled), len(claimed - labelled), len(labelled - claimed))

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn)

    @property
    def precision(self) -> float:
        """The fraction of claimed facts that are labelled; 0 if nothing is claimed."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """The fraction of labelled facts that are claimed; 0 if nothing is labelled."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        return _harmonic_mean(self.precision, self.recall)

    def to_json(self) -> dict[str, float]:
        """Return the counts and scores under the names that papers and scripts use."""
        scores = {"f1": self.f1, "precision": self.precision, "recall": self.recall}
        return {**scores, "tp": self.tp, "fp": self.fp, "fn": self.fn}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """The scores of predictions that papers on DocRED and Re-DocRED report."""

    facts: Counts
    """All facts."""
    evidence: Counts
    """Evidence sentences of all facts in gold documents; ``fn`` is one too high, as in the published scorer."""
    annotated_evidence: Counts
    """The same without the facts that are labelled without evidence, as theirs is unknown."""
    intra: Counts
    """Facts whose entities have mentions in the same sentence."""
    inter: Counts
    """Facts whose entities have no mentions in the same sentence."""
    frequent: Counts
    """Facts of :data:`FREQUENT_RELATIONS`."""
    long_tail: Counts
    """Facts of all other relations."""
    correct_in_train: int | None = None
    """Number of true positives that are among the training facts; ``None`` without training facts."""
    unknown_titles: tuple[str, ...] = ()
    """Titles of predictions that no gold document has, sorted; their facts are false positives."""

    @property
    def precision(self) -> float:
        """Precision over all facts."""
        return self.facts.precision

    @property
    def recall(self) -> float:
        """Recall over all facts."""
        return self.facts.recall

    @property
    def f1(self) -> float:
        """F1 over all facts."""
        return self.facts.f1

    @property
    def ign_precision(self) -> float | None:
        """Precision without the true positives that are known from training."""
        if self.correct_in_train is None:
            return None
        return Counts(self.facts.tp - self.correct_in_train, self.facts.fp).precision

    @property
    def ign_f1(self) -> float | None:
        """Ign F1: the harmonic mean of ``ign_precision`` and the recall over all facts."""
        return None if self.ign_precision is None else _harmonic_mean(self.ign_precision, self.recall)

    def to_json(self) -> dict[str, float | None]:
        """Return the scores of the published scorer under its names; Ign F1 is ``None`` without training facts."""
        return {
            "f1": self.f1,
            "evidence_f1": self.evidence.f1,
            "ign_f1": self.ign_f1,
            "precision": self.precision,
            "recall": self.recall,
            "frequent_f1": self.frequent.f1,
            "long_tail_f1": self.long_tail.f1,
            "intra_f1": self.intra.f1,
            "inter_f1": self.inter.f1,
            "frequent_precision": self.frequent.precision,
            "frequent_recall": self.frequent.recall,
            "long_tail_precision": self.long_tail.precision,
            "long_tail_recall": self.long_tail.recall,
        }


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _harmonic_mean(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

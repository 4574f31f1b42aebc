"""The scores of a trained model on the dev documents; no calibration is scored on the half that it was fitted on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from atlop.calibration import Calibration
from atlop.documents import Document
from atlop.evaluation import Counts, Scores, evaluate, evaluate_by_identifier, facts_of, reliability
from atlop.extractor import PairScores, RelationExtractor
from atlop.training.corpora import Corpora
from atlop.training.tuning import Halves, Margins, score_by_halves

ENTITIES = ((1, 10), (11, 15), (16, 20), (21, 25), (26, None))
"""Numbers of entities that documents are grouped by, both ends included."""

CURVE = 50
"""Maximum number of points in a precision-recall curve."""


@dataclass(frozen=True)
class Measured:
    """Dev documents with the scores that a model gave them, and the calibrations of their halves."""

    extractor: RelationExtractor
    corpora: Corpora
    scores: Sequence[PairScores]
    halves: Halves

    @classmethod
    def of(cls, extractor: RelationExtractor, corpora: Corpora) -> Measured:
        """Score the dev documents of a run with its model."""
        scores, labels = list(extractor.scores(corpora.dev)), extractor.backend.labels
        return cls(extractor, corpora, scores, Halves.of(scores, corpora.dev, labels))

    def to_json(self) -> dict[str, Any]:
        """Return the scores of a row of a sweep, by the names of its fields."""
        given = self.scores, self.corpora.dev, self.extractor.backend.labels
        return {
            "untuned": _shares(self.evaluated(Calibration(), Calibration()).facts),
            "tuned": asdict(self.halves.scores()),
            "per_relation": asdict(score_by_halves(*given, per_relation=True)),
            "breakdown": self.breakdown(),
            "by_entities": list(self.by_entities()),
            "curve": self.curve(),
            "reliability": self.reliability(),
            "by_identifier": self.by_identifier(),
        }

    def predicted(self, *fitted: Calibration) -> list[Document]:
        """Return the dev documents with relations, those at even and odd places by different calibrations."""
        return [
            document.with_relations(self.extractor.relations(scores, calibration=fitted[place % 2]))
            for place, (document, scores) in enumerate(zip(self.corpora.dev, self.scores, strict=True))
        ]

    def evaluated(self, *fitted: Calibration) -> Scores:
        """Evaluate the predictions of :meth:`predicted`; Ign F1 ignores the training facts."""
        return evaluate(self.corpora.dev, self.predicted(*fitted), train_facts=facts_of(self.corpora.train))

    def breakdown(self) -> dict[str, float | None]:
        """Return the scores of kinds of facts, and of evidence where it is annotated."""
        scores = self.evaluated(*self.halves.fitted)
        return {**scores.to_json(), "annotated_evidence_f1": scores.annotated_evidence.f1}

    def by_entities(self) -> Iterator[dict[str, Any]]:
        """Yield the F1 of documents with similar numbers of entities."""
        both = list(zip(self.corpora.dev, self.predicted(*self.halves.fitted), strict=True))
        for least, most in ENTITIES:
            chosen = [pair for pair in both if least <= len(pair[0].entities) <= (most or len(pair[0].entities))]
            if chosen:
                gold, predicted = zip(*chosen, strict=True)
                label = f"{least}-{most}" if most else f"{least}+"
                yield {"entities": label, "documents": len(gold), "f1": evaluate(gold, predicted).f1}

    def curve(self) -> list[tuple[float, float]]:
        """Return recall and precision at cuts from high to low, up to the recall where precision becomes negligible."""
        found = Margins.of(self.scores, self.corpora.dev, self.extractor.backend.labels).likely()
        right = found.right[np.argsort(-found.values, kind="stable")].cumsum(dtype=np.int64)
        if not len(right) or not right[-1]:
            return []
        places = np.unique(np.searchsorted(right, np.linspace(1, right[-1], CURVE).round()))
        recall, precision = right[places] / found.wanted.sum(), right[places] / (places + 1)
        return [(round(r, 4), round(p, 4)) for r, p in zip(recall.tolist(), precision.tolist(), strict=True)]

    def reliability(self) -> dict[str, list[dict[str, float]]]:
        """Return the bins of confidences before and after the calibration."""
        plain = Calibration(), Calibration()
        return {
            name: [asdict(part) for part in reliability(self.halves.confidence(*fitted), self.halves.right)]
            for name, fitted in {"before": plain, "after": self.halves.fitted}.items()
        }

    def by_identifier(self) -> dict[str, float]:
        """Return the scores on the dev documents in PubTator format, with the calibrations of the same titles."""
        gold = self.corpora.dev_pubtator
        if not gold:
            return {}
        fitted = {document.title: self.halves.fitted[place % 2] for place, document in enumerate(self.corpora.dev)}
        scored = zip(gold, self.extractor.scores(gold), strict=True)
        predicted = [
            document.with_relations(self.extractor.relations(scores, calibration=fitted.get(document.title)))
            for document, scores in scored
        ]
        return _shares(evaluate_by_identifier(gold, predicted))


def _shares(counts: Counts) -> dict[str, float]:
    return {"f1": counts.f1, "precision": counts.precision, "recall": counts.recall}

"""Which sentences to call the evidence of a predicted relation: by the share of its context, or also by its confidence.

    python -m benchmarks.evidence --data FILE

For each rule and cut: evidence F1 as DocRED counts it and where evidence is annotated, that of the correct relations by
themselves, and the mean number of sentences. In the last line of a rule, the cut of each half of the documents is the
best one of the other half, as their calibration always is.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

import atlop
from atlop import Document, evaluate
from atlop.decoding import choose_evidence
from atlop.training.tuning import Halves
from benchmarks.documents import DATA, documents

CUTS = (0.1, 0.15, 0.2, 0.25, 0.3)

RULES = {"share of the context": False, "share times confidence": True}
"""The rules, and whether the confidence counts."""


@dataclass(frozen=True)
class Predicted:
    """A document with predicted relations, and its annotation."""

    gold: Document
    document: Document
    shares: NDArray[np.float32]
    """How much of the context of each relation is in each sentence, [N, T]."""

    def with_evidence(self, cut: float, *, by_confidence: bool) -> Document:
        """Return the document with the evidence that a rule chooses."""
        relations = self.document.relations
        confidence = np.array([relation.confidence if by_confidence else 1.0 for relation in relations])
        chosen = choose_evidence(self.shares, np.arange(len(relations)), confidence, cut)
        found = (replace(relation, evidence=one) for relation, one in zip(relations, chosen, strict=True))
        return self.document.with_relations(tuple(found))


def predict(gold: Sequence[Document], model: Path | None = None) -> Iterator[Predicted]:
    """Yield what a model predicts; the calibration of each half of the documents is fitted on the other one."""
    extractor = atlop.load(model, device="cpu", precision="fp32")
    scores = list(extractor.scores(gold))
    fitted = Halves.of(scores, gold, extractor.backend.labels).fitted
    for place, (document, found) in enumerate(zip(gold, scores, strict=True)):
        if found.evidence is None:
            raise SystemExit(f"{model}: the model was not trained on evidence")
        relations = extractor.relations(found, calibration=fitted[place % 2])
        rows = {(head, tail): row for row, (head, tail) in enumerate(found.pairs.tolist())}
        pairs = [rows[relation.head, relation.tail] for relation in relations]
        yield Predicted(document, document.with_relations(relations), found.evidence[pairs])


def score(gold: Sequence[Document], found: Sequence[Document]) -> tuple[float, float, float, float]:
    """Return the figures of a line: three scores, and the mean number of sentences of a relation."""
    scores = evaluate(gold, found)
    annotated = [{relation.fact for relation in document.relations if relation.evidence} for document in gold]
    claimed = [{relation.fact for relation in document.relations} for document in found]
    both = [facts & others for facts, others in zip(annotated, claimed, strict=True)]
    correct = evaluate(*([_only(*pair) for pair in zip(side, both, strict=True)] for side in (gold, found)))
    sizes = [len(relation.evidence or ()) for document in found for relation in document.relations]
    return scores.evidence.f1, scores.annotated_evidence.f1, correct.evidence.f1, fmean(sizes)


def _only(document: Document, facts: set[tuple[int, int, str]]) -> Document:
    return document.with_relations(tuple(relation for relation in document.relations if relation.fact in facts))


def tuned(predicted: Sequence[Predicted], *, by_confidence: bool) -> list[Document]:
    """Return the documents with evidence, the cut of each half of them fitted on the other one."""
    halves = predicted[::2], predicted[1::2]
    cuts = [best_cut(half, by_confidence=by_confidence) for half in reversed(halves)]
    return [one.with_evidence(cuts[place % 2], by_confidence=by_confidence) for place, one in enumerate(predicted)]


def best_cut(predicted: Sequence[Predicted], *, by_confidence: bool) -> float:
    """Return the cut with the best evidence F1, to two decimals."""
    gold = [one.gold for one in predicted]

    def quality(cut: float) -> float:
        return evaluate(gold, [one.with_evidence(cut, by_confidence=by_confidence) for one in predicted]).evidence.f1

    return max((hundredths / 100 for hundredths in range(5, 40)), key=quality)


def lines(predicted: Sequence[Predicted]) -> Iterator[tuple[str, ...]]:
    """Yield the lines of the table."""
    gold = [one.gold for one in predicted]
    for name, by_confidence in RULES.items():
        cuts = {str(cut): [one.with_evidence(cut, by_confidence=by_confidence) for one in predicted] for cut in CUTS}
        for cut, found in chain(cuts.items(), [("by halves", tuned(predicted, by_confidence=by_confidence))]):
            *shares, size = score(gold, found)
            yield name, cut, *(f"{100 * share:.1f}" for share in shares), f"{size:.2f}"


def main() -> None:
    """Score each rule and print a table in Markdown."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--data", type=Path, default=DATA, help="documents with their relations and evidence")
    options.add_argument("--model", type=Path, help="a model folder (default: the bundled model)")
    asked = options.parse_args()
    found = list(predict(documents(path=asked.data), asked.model))
    print("| Rule | Cut | Evidence F1 | Where annotated | Of correct facts | Sentences |")
    print("|---|---|---|---|---|---|")
    for line in lines(found):
        print("|", " | ".join(line), "|")


if __name__ == "__main__":
    main()

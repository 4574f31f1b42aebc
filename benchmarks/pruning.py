"""What it saves to skip pairs of types that no training relation connects, and what it costs in F1.

    python -m benchmarks.pruning --json

The bundled model predicts Re-DocRED dev documents with and without skipping, taking turns after every few documents, so
that what slows the machine down for a while slows both.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import atlop
from atlop import Document, RelationExtractor, evaluate
from atlop.features import Featurizer
from benchmarks.contenders import checkpoint_of
from benchmarks.documents import documents
from benchmarks.floor import multiplications
from benchmarks.measure import seconds
from benchmarks.report import arguments, report

LOT = 16
"""Documents that one way predicts before it is the other's turn; times are medians over all lots."""

Fact = tuple[str, int, int, str]
"""Title, head, tail and relation."""


@dataclass
class Way:
    """One of two ways to predict, with what it gave and how long it took."""

    extractor: RelationExtractor
    predicted: list[Document] = field(default_factory=list)
    paces: list[float] = field(default_factory=list)
    """Seconds a document, for each lot of documents."""

    def predict(self, lot: Sequence[Document]) -> None:
        """Predict a lot of documents and remember how long it took."""
        spent = seconds(lambda: self.predicted.extend(self.extractor.predict(lot)))
        self.paces.append(spent / len(lot))


def take_turns(ways: Sequence[Way], texts: Sequence[Document]) -> None:
    """Let both ways predict all documents, lot by lot, each the first in every other lot."""
    lots = [texts[start : start + LOT] for start in range(0, len(texts), LOT)]
    for number, lot in enumerate(lots):
        for way in ways if number % 2 else reversed(ways):
            way.predict(lot)


def facts(texts: Sequence[Document]) -> set[Fact]:
    """Give the facts of documents."""
    return {(text.title, *relation.fact) for text in texts for relation in text.relations}


def on_pairs(found: set[Fact], pairs: set[tuple[str, int, int]]) -> set[Fact]:
    """Give the facts whose pair is one of these."""
    return {fact for fact in found if fact[:3] in pairs}


def skipped_pairs(texts: Sequence[Document], featurizer: Featurizer) -> set[tuple[str, int, int]]:
    """Give title, head and tail of every pair that a featurizer leaves out."""
    kept = {(text.title, head, tail) for text in texts for head, tail in featurizer(text).pairs.tolist()}
    return {(text.title, head, tail) for text in texts for head, tail in text.pairs} - kept


def compare(texts: Sequence[Document], plain: Way, pruned: Way) -> dict[str, Any]:
    """Say what skipping changes.

    Args:
        texts: the documents with their gold relations.
        plain: scored every pair of them.
        pruned: skipped pairs.
    """
    skipped, right = skipped_pairs(texts, pruned.extractor.featurizer), facts(texts)
    before, after = facts(plain.predicted), facts(pruned.predicted)
    lost = on_pairs(before, skipped)
    return {
        "pairs_skipped": len(skipped) / sum(len(text.pairs) for text in texts),
        "f1": evaluate(texts, plain.predicted).f1,
        "f1_pruned": evaluate(texts, pruned.predicted).f1,
        "right_relations_lost": len(lost & right),
        "wrong_relations_lost": len(lost - right),
        "relations_changed_elsewhere": len((before - lost) ^ after),
        "gold_relations_skipped": len(on_pairs(right, skipped)),
        "gold_relations": len(right),
        "seconds_per_document": statistics.median(plain.paces),
        "seconds_per_document_pruned": statistics.median(pruned.paces),
        "ratio": statistics.median(a / b for a, b in zip(plain.paces, pruned.paces, strict=True)),
    }


def multiplications_saved(texts: Sequence[Document], plain: Way, pruned: Way) -> float:
    """Give the share of the multiplications that skipping saves, which no other work on the machine can change."""
    backend, encoder = plain.extractor.backend, checkpoint_of("minilm").model.encoder.transformer.config
    least = partial(multiplications, encoder=encoder, config=backend.config, columns=len(backend.labels))
    every, fewer = (sum(least(way.extractor.featurizer(text)) for text in texts) for way in (plain, pruned))
    return 1 - fewer / every


def parser() -> argparse.ArgumentParser:
    """Give the options."""
    options = arguments(__doc__)
    options.add_argument("--documents", type=int, default=500)
    options.add_argument("--precision", default="fp32")
    options.add_argument("--device", default="cpu")
    return options


def main() -> None:
    """Measure and report."""
    asked = parser().parse_args()
    texts = documents(asked.documents, asked.data)
    load = partial(atlop.load, device=asked.device, precision=asked.precision)
    ways = [Way(load()), Way(load(prune=True))]
    for way in ways:
        list(way.extractor.predict(texts[:LOT]))
    take_turns(ways, texts)
    saved = {"multiplications_saved": multiplications_saved(texts, *ways)}
    report("pruning", compare(texts, *ways) | saved, asked)


if __name__ == "__main__":
    main()

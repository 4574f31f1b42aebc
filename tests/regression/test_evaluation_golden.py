"""Every score that the published scorers give for real documents, within 1e-6."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from atlop.documents import Document, Entity, Mention, Relation
from atlop.evaluation import Counts, evaluate, facts_from_triples, facts_of


def stored(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def mention_of(row: dict[str, Any]) -> Mention:
    start, end = row["pos"]
    return Mention(row["sent_id"], start, end, row["type"], row["name"])


def entities_of(clusters: list[list[dict[str, Any]]]) -> tuple[Entity, ...]:
    return tuple(Entity(tuple(map(mention_of, cluster))) for cluster in clusters)


def docred_documents(path: Path) -> list[Document]:
    """Read what the scores need of DocRED form."""
    return [
        Document(
            row["title"],
            tuple(map(tuple, row["sents"])),
            entities_of(row["vertexSet"]),
            tuple(Relation(label["h"], label["t"], label["r"], tuple(label["evidence"])) for label in row["labels"]),
        )
        for row in stored(path)
    ]


def leaderboard_documents(path: Path, gold: Iterable[Document]) -> list[Document]:
    """Read leaderboard rows, repeated ones once, as relations of the gold documents' entities."""
    facts: defaultdict[str, dict[tuple[int, int, str], Relation]] = defaultdict(dict)
    for row in stored(path):
        relation = Relation(row["h_idx"], row["t_idx"], row["r"], tuple(row["evidence"]))
        facts[row["title"]].setdefault(relation.fact, relation)
    return [document.with_relations(tuple(facts[document.title].values())) for document in gold]


@pytest.fixture(scope="module")
def gold(shared: Path) -> list[Document]:
    return docred_documents(shared / "data/redocred/dev.json")


@pytest.fixture(scope="module")
def predicted(shared: Path, gold: list[Document]) -> list[Document]:
    return leaderboard_documents(shared / "golden/evaluation/predictions.json", gold)


def test_redocred_scores_are_the_published_scorers(
    shared: Path, gold: list[Document], predicted: list[Document]
) -> None:
    train_facts = facts_of(docred_documents(shared / "data/redocred/train_subset.json"))
    scores = evaluate(gold, predicted, train_facts=train_facts)
    expected = stored(shared / "golden/evaluation/expected.json")
    assert list(scores.to_json()) == list(expected)
    assert scores.to_json() == pytest.approx(expected, abs=1e-6, rel=0)


def test_redocred_gold_against_itself(gold: list[Document]) -> None:
    scores = evaluate(gold, gold)
    evidence = sum(len(relation.evidence or ()) for document in gold for relation in document.relations)
    assert scores.facts == Counts(tp=17_284)
    assert scores.intra + scores.inter == scores.frequent + scores.long_tail == scores.facts
    assert scores.evidence == Counts(tp=evidence, fn=1)


def test_scoring_takes_well_under_two_seconds(gold: list[Document], predicted: list[Document]) -> None:
    train_facts = facts_of(gold)
    started = time.process_time()
    evaluate(gold, predicted, train_facts=train_facts)
    assert time.process_time() - started < 2


def test_train_facts_by_name(shared: Path) -> None:
    facts = facts_from_triples(stored(shared / "data/docred/train_annotated.fact"))
    assert len(facts) == 52_293
    documents = docred_documents(shared / "data/docred/train_subset.json")
    assert facts_of(documents) <= facts


def cdr_document(title: str, pairs: np.ndarray, labels: np.ndarray) -> Document:
    """A document of as many entities as the pairs need, related where column 1 is set."""
    mention = Mention(0, 0, 1, "X", "x")
    entities = tuple(Entity((mention,)) for _ in range(int(pairs.max()) + 1))
    candidates = tuple((int(head), int(tail)) for head, tail in pairs)
    relations = (Relation(*pair, "CID") for pair, label in zip(candidates, labels[:, 1], strict=True) if label)
    return Document(title, (("x",),), entities, tuple(relations), candidates)


def test_cdr_counts_are_the_reference_counts(shared: Path) -> None:
    tensors = load_file(shared / "golden/cdr/expected.safetensors")
    titles = sorted({name.split(".")[0] for name in tensors})
    sides = [
        [cdr_document(title, tensors[f"{title}.pairs"], tensors[f"{title}.{side}"]) for title in titles]
        for side in ("gold", "predicted")
    ]
    assert evaluate(*sides).facts == Counts(tp=39, fp=65, fn=38)

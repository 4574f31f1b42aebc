"""Every score that the published scorers give for real documents, within 1e-6."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from atlop.documents import Document, Entity, Mention, Relation
from atlop.evaluation import Counts, evaluate, evaluate_by_identifier, facts_from_triples, facts_of
from atlop.formats import read, read_submission


@pytest.fixture(scope="module")
def gold(shared: Path) -> list[Document]:
    return read(shared / "data/redocred/dev.json")


def test_every_score_is_that_of_the_published_scorer(shared: Path, gold: list[Document]) -> None:
    predicted = read_submission(shared / "golden/evaluation/predictions.json")
    train_facts = facts_of(read(shared / "data/redocred/train_subset.json"))
    expected = json.loads((shared / "golden/evaluation/expected.json").read_text(encoding="utf-8"))
    found = evaluate(gold, predicted, train_facts=train_facts).to_json()
    assert list(found) == list(expected)
    assert found == pytest.approx(expected, abs=1e-6)


def test_redocred_gold_against_itself(gold: list[Document]) -> None:
    scores = evaluate(gold, gold)
    evidence = sum(len(relation.evidence or ()) for document in gold for relation in document.relations)
    assert scores.facts == Counts(tp=17_284)
    assert scores.intra + scores.inter == scores.frequent + scores.long_tail == scores.facts
    assert scores.evidence == Counts(tp=evidence, fn=1)


def test_train_facts_by_name(shared: Path) -> None:
    facts = facts_from_triples(json.loads((shared / "data/docred/train_annotated.fact").read_text(encoding="utf-8")))
    assert len(facts) == 52_293
    documents = read(shared / "data/docred/train_subset.json")
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


@pytest.mark.parametrize(("split", "folder", "facts"), [("dev", "Development", 1_012), ("train", "Training", 1_038)])
def test_the_two_forms_of_cdr_hold_the_same_facts(shared: Path, split: str, folder: str, facts: int) -> None:
    listed = read(shared / f"data/cdr/{split}_filter.data")
    complete = read(shared / f"data/cdr/pubtator/CDR_{folder}Set.PubTator.txt")
    assert evaluate_by_identifier(complete, listed) == Counts(tp=facts)

"""What the benchmark of skipped pairs counts, on two documents of which all relations are known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from benchmarks.pruning import Way, compare, take_turns

from atlop.backends.pytorch import TorchBackend
from atlop.checkpoint import Checkpoint
from atlop.documents import Document, Relation
from atlop.extractor import RelationExtractor
from atlop.type_constraints import TypeConstraints

pytestmark = pytest.mark.usefixtures("one_thread")


def test_counts_what_is_lost_by_skipping(
    make_checkpoint: Callable[..., Checkpoint], build_document: Callable[..., Document]
) -> None:
    places = [[(0, 0, 1, "PER")], [(0, 3, 4, "LOC")]]
    relations = (Relation(0, 1, "P1"), Relation(1, 0, "P2"))
    texts = [build_document(["Ada wrote to Lovelace ."], *places, title=title, relations=relations) for title in "ab"]
    # All three relations of every pair are found, and those of (LOC, PER) skipped.
    checkpoint = make_checkpoint(threshold_offset=100)
    labels = dataclasses.replace(
        checkpoint.labels, type_constraints=TypeConstraints({"PER": frozenset({"LOC"}), "LOC": frozenset()})
    )
    backend = TorchBackend(dataclasses.replace(checkpoint, labels=labels))
    plain, pruned = (Way(RelationExtractor(backend, prune=prune)) for prune in (False, True))
    take_turns([plain, pruned], texts)
    assert (len(plain.paces), len(pruned.paces)) == (1, 1)
    plain.paces, pruned.paces = [0.3, 0.5, 0.9], [0.25, 0.1, 0.3]
    found = compare(texts, plain, pruned)
    assert (found.pop("seconds_per_document"), found.pop("seconds_per_document_pruned")) == (0.5, 0.25)
    assert found.pop("ratio") == 3
    assert found == {
        "pairs_skipped": 0.5,
        "f1": 2 * 4 / (12 + 4),
        "f1_pruned": 2 * 2 / (6 + 4),
        "right_relations_lost": 2,
        "wrong_relations_lost": 4,
        "relations_changed_elsewhere": 0,
        "gold_relations_skipped": 2,
        "gold_relations": 4,
    }

"""The evidence of relations: what is trained, and what is chosen."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from atlop.batches import collate
from atlop.checkpoint import Checkpoint
from atlop.decoding import choose_evidence
from atlop.documents import Document, Relation
from atlop.features import Features, Featurizer
from atlop.heads.evidence import LOSS_WEIGHT
from atlop.targets import evidence_matrix
from atlop.windows import SpecialSubwords

pytestmark = pytest.mark.usefixtures("one_thread")

TEXT = ["Ada wrote to Lovelace .", "Lovelace wrote to Ada .", "She wrote ."]


@pytest.fixture
def document(build_document: Callable[..., Document]) -> Document:
    """Three entities; two relations of one pair with evidence, one of another without."""
    plain = build_document(TEXT, [(0, 0, 1)], [(1, 0, 1)], [(2, 0, 1)])
    facts = [Relation(0, 1, "P1", evidence=(0,)), Relation(0, 1, "P2", evidence=(0, 2)), Relation(2, 1, "P1")]
    return plain.with_relations(tuple(facts))


@pytest.fixture
def features(document: Document, make_checkpoint: Callable[..., Checkpoint]) -> Features:
    checkpoint = make_checkpoint()
    return Featurizer(checkpoint.tokenizer, checkpoint.config, 64, labels=checkpoint.labels)(document, labelled=True)


def test_the_evidence_of_a_pair_is_that_of_all_its_relations(document: Document) -> None:
    matrix = evidence_matrix(document, [(1, 0), (0, 1), (2, 1)])
    assert matrix.tolist() == [[False] * 3, [True, False, True], [False] * 3]


def test_evidence_of_pairs_that_are_not_listed_is_dropped(document: Document) -> None:
    assert not evidence_matrix(document, [(1, 0)]).any()


def test_features_and_batches_hold_the_evidence_of_labelled_documents(
    features: Features, special: SpecialSubwords
) -> None:
    assert features.evidence is not None
    place = features.pairs.tolist().index([0, 1])
    assert features.evidence[place].tolist() == [True, False, True]
    assert features.evidence.sum() == 2
    # A document of fewer sentences is padded.
    short = dataclasses.replace(
        features, sentences=np.minimum(features.sentences, 1), evidence=features.evidence[:, :2], title="short"
    )
    batch = collate([short, features], special, 0)
    assert batch.evidence is not None
    assert batch.evidence.shape == (12, 3)
    assert batch.evidence[place].tolist() == [True, False, False]
    assert batch.evidence[6 + place].tolist() == [True, False, True]
    unlabelled = dataclasses.replace(features, labels=None, evidence=None)
    assert collate([features, unlabelled], special, 0).evidence is None


def test_evidence_that_was_cut_off_is_dropped(document: Document, make_checkpoint: Callable[..., Checkpoint]) -> None:
    checkpoint = make_checkpoint(max_length=9)
    featurizer = Featurizer(checkpoint.tokenizer, checkpoint.config, 64, labels=checkpoint.labels)
    features = featurizer(document, labelled=True)
    assert features.evidence is not None
    assert features.evidence.shape == (6, features.sentence_count)
    assert features.sentence_count < 3


def test_the_loss_is_the_divergence_from_the_annotated_sentences(
    features: Features, special: SpecialSubwords, make_checkpoint: Callable[..., Checkpoint]
) -> None:
    model, batch = make_checkpoint(heads=["evidence"]).model.eval(), collate([features], special, 0).to("cpu")
    output = model(batch)
    found = output.heads["evidence"]
    assert found.shape == (6, 3)
    row = found[features.pairs.tolist().index([0, 1])]
    # One pair has evidence, two sentences, each with probability one half.
    expected = sum(0.5 * (math.log(0.5) - math.log(row[sentence].item())) for sentence in (0, 2))
    loss = model.heads["evidence"].loss(found, output)  # type: ignore[operator]
    assert loss.item() == pytest.approx(LOSS_WEIGHT * expected, abs=1e-6)
    assert batch.labels is not None
    relations = model.thresholding.loss(output.logits, batch.labels)
    torch.testing.assert_close(model.loss(output, batch.labels), relations + loss)


def test_training_moves_the_context_to_the_evidence(
    features: Features, special: SpecialSubwords, make_checkpoint: Callable[..., Checkpoint]
) -> None:
    # Without dropout.
    model, batch = make_checkpoint(heads=["evidence"]).model.eval(), collate([features], special, 0).to("cpu")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    for _ in range(10):
        output = model(batch)
        loss = model.heads["evidence"].loss(output.heads["evidence"], output)  # type: ignore[operator]
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses[-1] < losses[0]


def test_without_annotated_evidence_there_is_no_loss(
    features: Features, special: SpecialSubwords, make_checkpoint: Callable[..., Checkpoint]
) -> None:
    assert features.evidence is not None
    model = make_checkpoint(heads=["evidence"]).model
    for evidence in (np.zeros_like(features.evidence), None):
        output = model(collate([dataclasses.replace(features, evidence=evidence)], special, 0).to("cpu"))
        assert model.heads["evidence"].loss(output.heads["evidence"], output).item() == 0  # type: ignore[operator]


def test_a_model_without_contexts_has_no_evidence_to_train(
    features: Features, special: SpecialSubwords, make_checkpoint: Callable[..., Checkpoint]
) -> None:
    model = make_checkpoint(heads=["evidence"], context="none").model
    output = model(collate([features], special, 0).to("cpu"))
    assert output.heads["evidence"] is None
    assert model.heads["evidence"].loss(None, output).item() == 0  # type: ignore[operator]


def test_sentences_with_enough_of_the_context_are_chosen_or_else_the_one_with_most() -> None:
    weights = np.array([[0.5, 0.1, 0.2], [0.1, 0.15, 0.05], [0.0, 0.0, 0.9]], dtype=np.float32)
    assert choose_evidence(weights, np.array([0, 1, 1, 2]), np.ones(4), 0.2) == [(0, 2), (1,), (1,), (2,)]


def test_the_less_sure_a_relation_is_the_more_a_sentence_must_hold() -> None:
    weights = np.array([[0.5, 0.2, 0.3]], dtype=np.float32)
    confidence = np.array([1.0, 0.7, 0.5, 0.1, 0.0])
    assert choose_evidence(weights, np.zeros(5, np.int64), confidence, 0.2) == [(0, 1, 2), (0, 2), (0,), (0,), (0,)]


def test_without_weights_nothing_is_chosen() -> None:
    assert choose_evidence(None, np.array([0, 1]), np.ones(2)) == [None, None]
    assert choose_evidence(np.zeros((2, 0), np.float32), np.array([0]), np.ones(1)) == [None]

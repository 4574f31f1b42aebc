"""The tags of mentions: how they are trained and found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from atlop.batches import collate
from atlop.checkpoint import Checkpoint, build_model
from atlop.documents import Document, Relation
from atlop.features import Features, Featurizer
from atlop.type_constraints import TypeConstraints
from atlop.windows import SpecialSubwords

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def document(build_document: Callable[..., Document]) -> Document:
    return build_document(["Ada wrote to Lovelace ."], [(0, 0, 1, "PER")], [(0, 3, 4, "LOC")])


@pytest.fixture
def checkpoint(make_checkpoint: Callable[..., Checkpoint], document: Document) -> Checkpoint:
    """A model of two entity types."""
    base = make_checkpoint(heads=["mentions"], markers="none")
    fact = document.with_relations((Relation(0, 1, "P1"),))
    labels = dataclasses.replace(base.labels, type_constraints=TypeConstraints.of([fact]))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_model(base.model.encoder.transformer, base.config, labels)
    return Checkpoint(model.eval(), base.config, labels, base.tokenizer)


@pytest.fixture
def features(document: Document, checkpoint: Checkpoint) -> Features:
    return Featurizer(checkpoint.tokenizer, checkpoint.config, 64, labels=checkpoint.labels)(document, labelled=True)


def test_every_subword_has_a_logit_for_each_tag(
    checkpoint: Checkpoint, features: Features, special: SpecialSubwords
) -> None:
    output = checkpoint.model.eval()(collate([features], special, 0).to("cpu"))
    assert checkpoint.labels.entity_types == ("LOC", "PER")
    assert output.heads["mentions"].shape == (1, len(features.input_ids), 5)


def test_shapes_change_the_tags(checkpoint: Checkpoint, features: Features, special: SpecialSubwords) -> None:
    model = checkpoint.model.eval()
    other = dataclasses.replace(features, shapes=(features.shapes + 1) % 12)
    first, second = (model(collate([each], special, 0).to("cpu")).heads["mentions"] for each in (features, other))
    assert not torch.allclose(first, second)


def test_the_loss_is_the_mean_over_the_words(
    checkpoint: Checkpoint, features: Features, special: SpecialSubwords
) -> None:
    model = checkpoint.model.eval()
    output = model(collate([features, features], special, 0).to("cpu"))
    found, head = output.heads["mentions"], model.heads["mentions"]
    assert features.tags is not None
    places = np.flatnonzero(features.tags >= 0)
    probabilities = found[0].softmax(-1)
    expected = -sum(probabilities[place, features.tags[place]].log().item() for place in places) / len(places)
    assert len(places) == 5
    assert head.loss(found, output).item() == pytest.approx(expected, rel=1e-5)  # type: ignore[operator]


def test_without_tags_there_is_no_loss(checkpoint: Checkpoint, features: Features, special: SpecialSubwords) -> None:
    assert features.tags is not None
    for tags in (None, np.full_like(features.tags, -1)):
        output = checkpoint.model(collate([dataclasses.replace(features, tags=tags)], special, 0).to("cpu"))
        assert checkpoint.model.heads["mentions"].loss(output.heads["mentions"], output).item() == 0  # type: ignore[operator]


def test_training_finds_the_tags(checkpoint: Checkpoint, features: Features, special: SpecialSubwords) -> None:
    model, batch = checkpoint.model.eval(), collate([features], special, 0).to("cpu")  # without dropout
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(20):
        output = model(batch)
        optimizer.zero_grad()
        model.heads["mentions"].loss(output.heads["mentions"], output).backward()  # type: ignore[operator]
        optimizer.step()
    found = model(batch).heads["mentions"][0].argmax(-1)
    assert features.tags is not None
    words = features.tags >= 0
    assert found[words].tolist() == features.tags[words].tolist() == [3, 0, 0, 1, 0]

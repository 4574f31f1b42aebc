"""What the paper compares with, against loops; the tests of the model show the global threshold and empty contexts."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from atlop.ablations import MaxPooling, MeanPooling, PlainLoss
from atlop.batches import Batch, collate
from atlop.features import Features
from atlop.parts import Sizes
from atlop.windows import SpecialSubwords

pytestmark = pytest.mark.usefixtures("one_thread")

SIZES = Sizes(width=6, columns=4, entity_types=2)


@pytest.fixture
def batch(make_features: Callable[..., Features], special: SpecialSubwords) -> Batch[Tensor]:
    """Two documents; an entity of each has no mention, and the last one of the batch has two."""
    features = [make_features(9, [[1, 4, 7], [2], []]), make_features(9, [[], [3, 5]])]
    return collate(features, special, 0).to("cpu")


@pytest.mark.parametrize(("pooling", "reduce"), [(MaxPooling, torch.amax), (MeanPooling, torch.mean)])
def test_pooling_is_that_of_each_entity_and_zero_without_mentions(
    batch: Batch[Tensor], pooling: type[MaxPooling] | type[MeanPooling], reduce: Callable[..., Tensor]
) -> None:
    # All below 0, so that a maximum with the zeros of the table would show.
    states = -torch.rand(len(batch.mention_entity), 6, generator=torch.Generator().manual_seed(0)) - 1
    found = pooling(SIZES)(states, batch)
    assert found.shape == (5, 6)
    for entity in range(5):
        own = states[batch.mention_entity == entity]
        torch.testing.assert_close(found[entity], reduce(own, 0) if len(own) else torch.zeros(6))


def test_the_gradient_of_a_maximum_goes_to_the_mention_that_has_it(batch: Batch[Tensor]) -> None:
    states = torch.tensor([[1.0], [3.0], [2.0], [7.0], [5.0], [4.0]], requires_grad=True)
    MaxPooling(SIZES)(states, batch).sum().backward()
    assert states.grad is not None
    assert states.grad.flatten().tolist() == [0, 1, 0, 1, 1, 0]


def test_the_plain_loss_is_the_cross_entropy_of_every_column() -> None:
    logits = torch.tensor([[0.5, 2.0, -1.0], [1.5, -0.5, 0.0]], requires_grad=True)
    labels = torch.tensor([[False, True, False], [True, False, False]])
    expected = 0.0
    for row, wanted in zip(logits.tolist(), labels.tolist(), strict=True):
        for score, label in zip(row, wanted, strict=True):
            probability = 1 / (1 + math.exp(-score))
            expected -= math.log(probability if label else 1 - probability)
    loss = PlainLoss(SIZES).loss(logits, labels)
    assert loss.item() == pytest.approx(expected / 2, abs=1e-6)
    loss.backward()
    torch.testing.assert_close(logits.grad, (logits.detach().sigmoid() - labels.float()) / 2)


def test_the_plain_loss_of_no_pair_is_zero() -> None:
    logits = torch.zeros(0, 4, requires_grad=True)
    loss = PlainLoss(SIZES).loss(logits, torch.zeros(0, 4, dtype=torch.bool))
    assert loss.item() == 0
    loss.backward()

"""Parts beyond the paper: each against its formula, and equal to plain ATLOP where training starts."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor

from atlop.batches import Batch, collate
from atlop.checkpoint import Checkpoint
from atlop.extensions import ReverseInteraction, TypedPooling, WeightedSoftmax
from atlop.features import Features
from atlop.model.pairs import LogSumExpPooling
from atlop.parts import Sizes
from atlop.windows import SpecialSubwords

pytestmark = pytest.mark.usefixtures("one_thread")

MakeCheckpoint = Callable[..., Checkpoint]
SIZES = Sizes(width=16, columns=4, entity_types=2, positive_weight=3.0)
LOGITS = torch.randn(5, 4, generator=torch.Generator().manual_seed(0)) * 3
LABELS = torch.tensor([[1, 0, 0, 0], [0, 1, 0, 0], [0, 1, 0, 1], [0, 1, 1, 1], [1, 0, 1, 0]]).bool()
"""No relation, one, several and all; the last has column 0 wrong on purpose, as it does not count."""


@pytest.fixture
def batch(make_features: Callable[..., Features], special: SpecialSubwords) -> Batch[Tensor]:
    """Documents of all pairs, of some whose reverse is not listed, of a self-pair, and of none."""
    features = [
        make_features(12, [[1], [4, 6], [2]], columns=4, seed=1),
        make_features(12, [[3], [5], [8]], pairs=[(2, 0), (0, 1), (1, 0), (1, 1)], columns=4, seed=2),
        make_features(6, [[2]], columns=4, seed=3),
    ]
    return collate(features, special, 0).to("cpu")


def slow_softmax(logits: Tensor, labels: Tensor, weight: float) -> Tensor:
    """Pair by pair and relation by relation."""
    total = logits.new_zeros(())
    for row, wanted in zip(logits, labels.tolist(), strict=True):
        whole = row.exp().sum()
        total = total - (row[0].exp() / whole).log()
        for column in range(1, len(wanted)):
            total = total - weight * (row[column].exp() / whole).log() * wanted[column]
    return total / len(logits)


def test_weighted_softmax_and_its_gradient_are_those_of_the_formula(check_loss: Callable[..., None]) -> None:
    check_loss(WeightedSoftmax(SIZES).loss, partial(slow_softmax, weight=3.0), LOGITS, LABELS)


def test_a_relation_ends_by_its_weighted_probability_above_the_threshold() -> None:
    """The same pair many times, with each relation in a known share of them."""
    shares = (0.5, 0.25, 0.125)
    labels = torch.tensor([[False, *(place < share * 8 for share in shares)] for place in range(8)])
    logits, part = torch.zeros(4, requires_grad=True), WeightedSoftmax(SIZES)
    optimizer = torch.optim.LBFGS([logits], max_iter=200, line_search_fn="strong_wolfe")

    def step() -> Tensor:
        optimizer.zero_grad()
        loss = part.loss(logits.expand(8, 4), labels)
        loss.backward()
        return loss

    optimizer.step(step)
    margins = (logits - logits[0]).detach()[1:].tolist()
    assert margins == pytest.approx([math.log(3 * share) for share in shares], abs=1e-3)
    # What is found is what is more probable than one in three.
    assert [margin > 0 for margin in margins] == [True, False, False]


def test_the_weight_is_that_of_the_configuration(make_checkpoint: MakeCheckpoint) -> None:
    model = make_checkpoint(thresholding="weighted-softmax", positive_weight=2.5).model
    found = model.thresholding.loss(LOGITS, LABELS)  # type: ignore[operator]
    torch.testing.assert_close(found, slow_softmax(LOGITS, LABELS, 2.5))


def test_the_weighted_softmax_of_no_pair_is_zero() -> None:
    logits = torch.zeros(0, 4, requires_grad=True)
    loss = WeightedSoftmax(SIZES).loss(logits, LABELS[:0])
    assert loss.item() == 0
    loss.backward()
    assert logits.grad is not None


def test_typed_pooling_starts_as_plain_pooling_and_adds_the_embedding_of_the_type(batch: Batch[Tensor]) -> None:
    part, states = TypedPooling(SIZES), torch.randn(len(batch.mention_entity), 16)
    plain = LogSumExpPooling(SIZES)(states, batch)
    assert part(states, batch).equal(plain)
    # Types 0, 1 and 2; the label map knows two.
    assert batch.entity_types.tolist() == [0, 1, 2, 0, 1, 2, 0]
    torch.nn.init.normal_(part.types.weight)
    for entity, kind in enumerate(batch.entity_types.tolist()):
        torch.testing.assert_close(part(states, batch)[entity], plain[entity] + part.types.weight[kind])


def test_the_batch_is_as_varied_as_it_should_be(batch: Batch[Tensor]) -> None:
    assert batch.pair_counts == [6, 4, 0]
    # Ordered pairs of three entities; (2, 0) has no reverse, (0, 1) and (1, 0) have each other, (1, 1) itself.
    assert batch.reverse_pairs.tolist() == [2, 4, 0, 5, 1, 3, 10, 8, 7, 9]


def slow_interaction(part: ReverseInteraction, logits: Tensor, pairs: list[tuple[int, int]]) -> Tensor:
    rows, weight = [], part.linear.weight
    for (head, tail), row in zip(pairs, logits, strict=True):
        change = torch.zeros(4)
        if (tail, head) in pairs:
            other = logits[pairs.index((tail, head))]
            probabilities = [1 / (1 + math.exp(float(other[0] - score))) for score in other]
            change = torch.stack([(weight[r] * torch.tensor(probabilities)).sum() for r in range(4)])
        rows.append(row + change - change[0])
    return torch.stack(rows)


def test_an_interaction_starts_at_zero_and_is_that_of_a_loop(batch: Batch[Tensor]) -> None:
    part, logits = ReverseInteraction(SIZES), torch.randn(10, 4, generator=torch.Generator().manual_seed(0))
    assert part(logits, batch).equal(logits)
    torch.nn.init.normal_(part.linear.weight)
    pairs = [(head, tail) for head, tail in batch.pairs.tolist()]
    found = part(logits, batch).detach()
    torch.testing.assert_close(found, slow_interaction(part, logits, pairs).detach(), atol=1e-5, rtol=1e-5)
    # The pair without its reverse stays, and so does every threshold.
    assert found[6].equal(logits[6])
    torch.testing.assert_close(found[:, 0], logits[:, 0])
    assert not torch.isclose(found[7:, 1:], logits[7:, 1:]).all()


def test_an_interaction_of_no_pair_is_nothing(make_features: Callable[..., Features], special: SpecialSubwords) -> None:
    batch = collate([make_features(6, [[2]])], special, 0).to("cpu")
    assert ReverseInteraction(SIZES)(torch.zeros(0, 4), batch).shape == (0, 4)


@pytest.mark.parametrize("thresholding", ["adaptive", "global"])
def test_a_step_of_training_changes_the_interaction(
    make_checkpoint: MakeCheckpoint, batch: Batch[Tensor], thresholding: str
) -> None:
    plain = make_checkpoint(thresholding=thresholding).model
    model = make_checkpoint(thresholding=thresholding, interaction="reverse").model
    before = model(batch).logits
    assert before.equal(plain(batch).logits)
    assert batch.labels is not None
    model.loss(model(batch), batch.labels).backward()
    torch.optim.SGD(model.interaction.parameters(), lr=1.0).step()
    assert model.interaction.linear.weight.abs().max() > 0
    after = model(batch).logits
    assert not torch.isclose(after, before).all()
    # A threshold for all pairs must stay at 0.
    assert after[:, 0].equal(before[:, 0])

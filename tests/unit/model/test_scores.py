"""Scores and losses against formulas as loops and tables by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from atlop.ablations import GlobalThreshold
from atlop.model.scores import AdaptiveThreshold, GroupedBilinear
from atlop.parts import Sizes

pytestmark = pytest.mark.usefixtures("one_thread")


def test_scores_are_the_sum_of_weighted_products_within_groups() -> None:
    torch.manual_seed(0)
    layer = GroupedBilinear(size=6, block=3, columns=2)
    head, tail = torch.randn(4, 6), torch.randn(4, 6)
    expected = torch.zeros(4, 2)
    for pair in range(4):
        for column in range(2):
            total = layer.linear.bias[column].item()
            for group in range(2):
                for i in range(3):
                    for j in range(3):
                        weight = layer.linear.weight[column, group * 9 + i * 3 + j].item()
                        total += weight * head[pair, group * 3 + i].item() * tail[pair, group * 3 + j].item()
            expected[pair, column] = total
    torch.testing.assert_close(layer(head, tail), expected)


def test_under_autocast_the_products_are_in_half_and_the_scores_in_single_precision() -> None:
    torch.manual_seed(0)
    layer = GroupedBilinear(size=8, block=4, columns=2)
    head, tail = torch.randn(3, 8), torch.randn(3, 8)
    exact = layer(head, tail)
    with torch.autocast("cpu", torch.bfloat16):
        reduced = layer(head, tail)
    assert reduced.dtype == torch.float32
    assert not reduced.equal(exact)
    torch.testing.assert_close(reduced, exact, atol=0.05, rtol=0.05)
    reduced.sum().backward()
    weight = layer.linear.weight.grad
    assert weight is not None
    assert weight.dtype == torch.float32


# The adaptive threshold

ADAPTIVE, GLOBAL = AdaptiveThreshold(Sizes(4, 5, 0)), GlobalThreshold(Sizes(4, 5, 0))

LOGITS = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)) * 3
LABELS = torch.tensor(
    [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 1, 0, 1, 1], [0, 1, 1, 1, 1], [1, 0, 1, 0, 0], [0, 0, 0, 0, 0]]
).bool()
"""No relation, one, several and all; the last two have column 0 wrong on purpose, as it does not count."""


def slow_adaptive(logits: Tensor, labels: Tensor) -> Tensor:
    """Equations 6 and 7, pair by pair and relation by relation."""
    total = logits.new_zeros(())
    for row, wanted in zip(logits, labels.tolist(), strict=True):
        positive = [r for r in range(1, len(row)) if wanted[r]]
        negative = [r for r in range(1, len(row)) if not wanted[r]]
        above = sum(row[r].exp() for r in [*positive, 0])
        below = sum(row[r].exp() for r in [*negative, 0])
        total = total - sum((row[r].exp() / above).log() for r in positive) - (row[0].exp() / below).log()
    return total / len(logits)


def test_adaptive_loss_and_gradient_are_those_of_the_formula(check_loss: Callable[..., None]) -> None:
    check_loss(ADAPTIVE.loss, slow_adaptive, LOGITS, LABELS)


def test_adaptive_loss_by_hand() -> None:
    # Relations at 2 (wanted) and 1, threshold at 0: log(1 + e^2) - 2 for the first part, log(1 + e) for the second.
    loss = ADAPTIVE.loss(torch.tensor([[0.0, 2.0, 1.0]]), torch.tensor([[0, 1, 0]]))
    assert loss.item() == pytest.approx(math.log(1 + math.exp(2)) - 2 + math.log(1 + math.e), abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float32])
def test_losses_leave_the_labels_alone(dtype: torch.dtype) -> None:
    labels = torch.ones(len(LOGITS), LOGITS.shape[1], dtype=dtype)
    ADAPTIVE.loss(LOGITS, labels)
    GLOBAL.loss(LOGITS, labels)
    assert labels.eq(1).all()
    assert labels.dtype == dtype


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
def test_adaptive_loss_takes_labels_of_any_number_format(dtype: torch.dtype) -> None:
    loss = ADAPTIVE.loss(LOGITS, LABELS.to(dtype))
    assert loss.equal(ADAPTIVE.loss(LOGITS, LABELS))


def test_column_0_of_the_labels_does_not_count() -> None:
    turned = LABELS.clone()
    turned[:, 0] = ~turned[:, 0]
    assert ADAPTIVE.loss(LOGITS, turned).equal(ADAPTIVE.loss(LOGITS, LABELS))


@pytest.mark.parametrize("size", [1e3, 1e6])
def test_adaptive_loss_of_huge_logits_is_finite(size: float) -> None:
    logits = (LOGITS.sign() * size).requires_grad_()
    loss = ADAPTIVE.loss(logits, LABELS)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_adaptive_loss_is_in_single_precision_whatever_the_logits_are() -> None:
    loss = ADAPTIVE.loss(LOGITS.bfloat16(), LABELS)
    torch.testing.assert_close(loss, ADAPTIVE.loss(LOGITS.bfloat16().float(), LABELS))
    assert loss.dtype == torch.float32


def test_the_adaptive_threshold_changes_no_score() -> None:
    assert ADAPTIVE(LOGITS) is LOGITS


# The global threshold


def test_the_global_threshold_is_at_zero_for_every_pair() -> None:
    logits = GLOBAL(LOGITS)
    assert logits[:, 0].eq(0).all()
    assert logits[:, 1:].equal(LOGITS[:, 1:])
    assert LOGITS[:, 0].ne(0).all()


def test_global_loss_is_the_cross_entropy_of_every_relation() -> None:
    expected = 0.0
    for row, wanted in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        for score, label in list(zip(row, wanted, strict=True))[1:]:
            probability = 1 / (1 + math.exp(-score))
            expected -= math.log(probability if label else 1 - probability)
    found = GLOBAL.loss(GLOBAL(LOGITS), LABELS)
    assert found.item() == pytest.approx(expected / len(LOGITS), abs=1e-5)


@pytest.mark.parametrize("thresholding", [ADAPTIVE, GLOBAL])
def test_the_loss_of_no_pair_is_zero(thresholding: AdaptiveThreshold | GlobalThreshold) -> None:
    logits = torch.zeros(0, 5, requires_grad=True)
    loss = thresholding.loss(logits, LABELS[:0])
    assert loss.item() == 0
    loss.backward()

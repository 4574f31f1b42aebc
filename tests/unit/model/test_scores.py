"""Scores, losses and the decision against formulas as loops and tables by hand."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from atlop.model.scores import THRESHOLDINGS, AdaptiveThreshold, GlobalThreshold, GroupedBilinear, decide, lead

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


def test_adaptive_loss_and_gradient_are_those_of_the_formula() -> None:
    ours, plain = LOGITS.clone().requires_grad_(), LOGITS.double().requires_grad_()
    loss, expected = AdaptiveThreshold().loss(ours, LABELS), slow_adaptive(plain, LABELS)
    torch.testing.assert_close(loss.double(), expected, atol=1e-6, rtol=0)
    loss.backward()
    expected.backward()
    assert ours.grad is not None
    assert plain.grad is not None
    torch.testing.assert_close(ours.grad.double(), plain.grad, atol=1e-6, rtol=0)


def test_adaptive_loss_by_hand() -> None:
    # Relations at 2 (wanted) and 1, threshold at 0: log(1 + e^2) - 2 for the first part, log(1 + e) for the second.
    loss = AdaptiveThreshold().loss(torch.tensor([[0.0, 2.0, 1.0]]), torch.tensor([[0, 1, 0]]))
    assert loss.item() == pytest.approx(math.log(1 + math.exp(2)) - 2 + math.log(1 + math.e), abs=1e-6)


@pytest.mark.parametrize("dtype", [torch.bool, torch.int64, torch.float32])
def test_losses_leave_the_labels_alone(dtype: torch.dtype) -> None:
    labels = torch.ones(len(LOGITS), LOGITS.shape[1], dtype=dtype)
    AdaptiveThreshold().loss(LOGITS, labels)
    GlobalThreshold().loss(LOGITS, labels)
    assert labels.eq(1).all()
    assert labels.dtype == dtype


@pytest.mark.parametrize("dtype", [torch.int64, torch.float32])
def test_adaptive_loss_takes_labels_of_any_number_format(dtype: torch.dtype) -> None:
    loss = AdaptiveThreshold().loss(LOGITS, LABELS.to(dtype))
    assert loss.equal(AdaptiveThreshold().loss(LOGITS, LABELS))


def test_column_0_of_the_labels_does_not_count() -> None:
    turned = LABELS.clone()
    turned[:, 0] = ~turned[:, 0]
    assert AdaptiveThreshold().loss(LOGITS, turned).equal(AdaptiveThreshold().loss(LOGITS, LABELS))


@pytest.mark.parametrize("size", [1e3, 1e6])
def test_adaptive_loss_of_huge_logits_is_finite(size: float) -> None:
    logits = (LOGITS.sign() * size).requires_grad_()
    loss = AdaptiveThreshold().loss(logits, LABELS)
    loss.backward()
    assert loss.isfinite()
    assert logits.grad is not None
    assert logits.grad.isfinite().all()


def test_adaptive_loss_is_in_single_precision_whatever_the_logits_are() -> None:
    loss = AdaptiveThreshold().loss(LOGITS.bfloat16(), LABELS)
    torch.testing.assert_close(loss, AdaptiveThreshold().loss(LOGITS.bfloat16().float(), LABELS))
    assert loss.dtype == torch.float32


def test_the_adaptive_threshold_changes_no_score() -> None:
    assert AdaptiveThreshold().logits(LOGITS) is LOGITS


# The global threshold


def test_the_global_threshold_is_at_zero_for_every_pair() -> None:
    logits = GlobalThreshold().logits(LOGITS)
    assert logits[:, 0].eq(0).all()
    assert logits[:, 1:].equal(LOGITS[:, 1:])
    assert LOGITS[:, 0].ne(0).all()


def test_global_loss_is_the_cross_entropy_of_every_relation() -> None:
    expected = 0.0
    for row, wanted in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        for score, label in list(zip(row, wanted, strict=True))[1:]:
            probability = 1 / (1 + math.exp(-score))
            expected -= math.log(probability if label else 1 - probability)
    found = GlobalThreshold().loss(GlobalThreshold().logits(LOGITS), LABELS)
    assert found.item() == pytest.approx(expected / len(LOGITS), abs=1e-5)


def test_thresholdings_are_those_that_a_config_can_name() -> None:
    assert {name: type(part) for name, part in THRESHOLDINGS.items()} == {
        "adaptive": AdaptiveThreshold,
        "global": GlobalThreshold,
    }


# The decision


@pytest.mark.parametrize(
    ("logits", "cap", "offset", "chosen"),
    [
        # Above the threshold, which is the first number.
        ([0, 3, 2, 1, -1], None, 0.0, [0, 1, 1, 1, 0]),
        ([2, 3, 2, 1, -1], None, 0.0, [0, 1, 0, 0, 0]),
        ([5, 3, 2, 1, -1], None, 0.0, [1, 0, 0, 0, 0]),
        ([-9, -1, -2, -3, -4], None, 0.0, [0, 1, 1, 1, 1]),
        # Exactly at the threshold is not above it.
        ([1, 1, 0, 0, 0], None, 0.0, [1, 0, 0, 0, 0]),
        ([1, 1, 0, 0, 0], 1, 0.0, [1, 0, 0, 0, 0]),
        # The best few of these.
        ([0, 3, 2, 1, -1], 1, 0.0, [0, 1, 0, 0, 0]),
        ([0, 1, 2, 3, -1], 2, 0.0, [0, 0, 1, 1, 0]),
        ([0, 1, 2, 3, 4], 3, 0.0, [0, 0, 1, 1, 1]),
        ([0, 1, 2, 3, 4], 4, 0.0, [0, 1, 1, 1, 1]),
        ([0, 1, 2, 3, 4], 9, 0.0, [0, 1, 1, 1, 1]),
        ([0, 3, -1, -2, -3], 2, 0.0, [0, 1, 0, 0, 0]),
        ([0, -3, -1, -2, -3], 2, 0.0, [1, 0, 0, 0, 0]),
        # Ties for the last place are all kept, those above it do not grow.
        ([0, 2, 2, 1, -1], 1, 0.0, [0, 1, 1, 0, 0]),
        ([0, 3, 1, 1, -1], 2, 0.0, [0, 1, 1, 1, 0]),
        ([0, 3, 3, 1, 1], 2, 0.0, [0, 1, 1, 0, 0]),
        ([0, -1, -1, -1, -1], 2, 0.0, [1, 0, 0, 0, 0]),
        # An offset lowers or raises the threshold, not the order.
        ([1, 0.5, -0.5, 0.0, -3], None, 1.0, [0, 1, 0, 0, 0]),
        ([0, 3, 1, 0.5, 2], None, -1.0, [0, 1, 0, 0, 1]),
        ([0, 3, 1, 0.5, 2], 1, -1.0, [0, 1, 0, 0, 0]),
        ([0, -1, -2, -3, -4], 2, 10.0, [0, 1, 1, 0, 0]),
        ([0, 3, 2, 1, -1], None, -5.0, [1, 0, 0, 0, 0]),
    ],
)
def test_decisions_by_hand(logits: list[float], cap: int | None, offset: float, chosen: list[int]) -> None:
    table = torch.tensor([logits], dtype=torch.float32)
    before = table.clone()
    assert decide(table, cap, offset).int().tolist() == [chosen]
    assert table.equal(before)


@pytest.mark.parametrize("cap", [None, 1, 4])
def test_decisions_between_two_classes(cap: int | None) -> None:
    logits = torch.tensor([[0.0, 1.0], [0.0, -1.0], [0.0, 0.0]])
    assert decide(logits, cap).int().tolist() == [[0, 1], [1, 0], [1, 0]]


def test_decisions_on_no_pairs() -> None:
    assert decide(torch.zeros(0, 5), 4).shape == (0, 5)


tables = st.integers(2, 7).flatmap(
    lambda columns: st.lists(st.lists(st.integers(-2, 2), min_size=columns, max_size=columns), min_size=1, max_size=5)
)


@given(tables, st.integers(1, 7))
def test_decisions_are_those_of_the_published_code_ties_included(table: list[list[int]], cap: int) -> None:
    """It takes the best of all columns, the threshold's among them, and of these what is above the threshold."""
    expected = []
    for row in table:
        last = sorted(row, reverse=True)[min(cap, len(row)) - 1]
        chosen = [score > row[0] and score >= last for score in row]
        expected.append([not any(chosen), *chosen[1:]])
    assert decide(torch.tensor(table, dtype=torch.float32), cap).tolist() == expected


def test_lead_is_the_distance_to_the_threshold() -> None:
    logits = torch.tensor([[1.0, 3.0, -1.0]])
    assert lead(logits).tolist() == [[0.0, 2.0, -2.0]]
    assert lead(logits, 0.5).tolist() == [[0.5, 2.5, -1.5]]

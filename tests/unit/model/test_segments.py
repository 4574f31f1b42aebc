"""Pooling of groups against loops over them."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from atlop.model.pairs import segment_logsumexp, segment_mean

pytestmark = pytest.mark.usefixtures("one_thread")

GROUPS = 5
GROUP = torch.tensor([3, 0, 3, 4, 3, 0])
"""Groups 1 and 2 have no rows, group 4 has one."""

Pooling = Callable[[Tensor, Tensor, int], Tensor]


def loop(rows: Tensor, group: Tensor, pool: Callable[[Tensor], Tensor]) -> Tensor:
    members = [rows[[m for m in range(len(group)) if group[m] == g]] for g in range(GROUPS)]
    return torch.stack([pool(part) if len(part) else rows.new_zeros(rows.shape[1:]) for part in members])


def slow_logsumexp(rows: Tensor, group: Tensor, groups: int) -> Tensor:
    return loop(rows, group, lambda part: part.logsumexp(0))


def slow_mean(rows: Tensor, group: Tensor, groups: int) -> Tensor:
    return loop(rows, group, lambda part: part.sum(0) / len(part))


BOTH = pytest.mark.parametrize(("pool", "slow"), [(segment_logsumexp, slow_logsumexp), (segment_mean, slow_mean)])


@BOTH
def test_pooled_rows_and_their_gradients_are_those_of_the_loop(pool: Pooling, slow: Pooling) -> None:
    values = torch.randn(len(GROUP), 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 5
    ours, plain = values.clone().requires_grad_(), values.clone().requires_grad_()
    pooled, expected = pool(ours, GROUP, GROUPS), slow(plain, GROUP, GROUPS)
    torch.testing.assert_close(pooled, expected)
    assert pooled[1:3].eq(0).all()
    pooled.square().sum().backward()
    expected.square().sum().backward()
    torch.testing.assert_close(ours.grad, plain.grad)


@BOTH
def test_equal_rows_of_a_group_share_the_gradient(pool: Pooling, slow: Pooling) -> None:
    rows = torch.full((4, 1), 2.0, requires_grad=True)
    pool(rows, torch.tensor([0, 0, 0, 0]), 1).sum().backward()
    assert rows.grad is not None
    torch.testing.assert_close(rows.grad, torch.full((4, 1), 0.25))


@BOTH
def test_a_group_of_one_row_passes_it_and_its_gradient_through(pool: Pooling, slow: Pooling) -> None:
    rows = torch.tensor([[-7.0, 3.0]], requires_grad=True)
    pooled = pool(rows, torch.tensor([0]), 1)
    assert pooled.tolist() == [[-7.0, 3.0]]
    pooled.sum().backward()
    assert rows.grad is not None
    assert rows.grad.tolist() == [[1.0, 1.0]]


@BOTH
def test_without_any_row_every_group_is_zero_and_no_gradient_is_lost(pool: Pooling, slow: Pooling) -> None:
    rows = torch.zeros(0, 3, requires_grad=True)
    pooled = pool(rows, torch.zeros(0, dtype=torch.int64), 2)
    assert pooled.tolist() == [[0.0] * 3] * 2
    pooled.sum().backward()
    assert rows.grad is not None
    assert rows.grad.shape == (0, 3)


@BOTH
def test_without_groups_there_is_nothing(pool: Pooling, slow: Pooling) -> None:
    assert pool(torch.zeros(0, 3), torch.zeros(0, dtype=torch.int64), 0).shape == (0, 3)


@pytest.mark.parametrize("value", [-1e4, -200.0, 200.0, 1e4])
def test_logsumexp_neither_overflows_nor_underflows(value: float) -> None:
    rows = torch.full((2, 1), value, requires_grad=True)
    pooled = segment_logsumexp(rows, torch.tensor([1, 1]), 2)
    torch.testing.assert_close(pooled, torch.tensor([[0.0], [value + math.log(2)]]))
    pooled.sum().backward()
    assert rows.grad is not None
    assert rows.grad.tolist() == [[0.5], [0.5]]


def test_mean_pools_rows_of_any_shape() -> None:
    rows = torch.randn(len(GROUP), 2, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(segment_mean(rows, GROUP, GROUPS), slow_mean(rows, GROUP, GROUPS))

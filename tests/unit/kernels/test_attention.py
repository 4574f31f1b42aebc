"""Attention kernels against plain torch operations."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from atlop.kernels import attention
from atlop.kernels.attention import attend_with_dropout

pytestmark = pytest.mark.usefixtures("one_thread")

WINDOWS, HEADS, LENGTH, SIZE = 2, 3, 7, 4
SCALE = 0.5


@pytest.fixture
def inputs() -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value, in double precision."""
    generator = torch.Generator().manual_seed(0)
    query, key, value = torch.randn(3, WINDOWS, HEADS, LENGTH, SIZE, generator=generator, dtype=torch.float64)
    return query, key, value


@pytest.fixture(params=[True, False])
def mask(request: pytest.FixtureRequest) -> Tensor | None:
    """The second window holds four subwords, the rest is padding; or no mask."""
    used = torch.ones(WINDOWS, LENGTH, dtype=torch.bool)
    used[1, 4:] = False
    return used[:, None, None, :].expand(-1, 1, LENGTH, -1) if request.param else None


def eager(query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor:
    scores = torch.einsum("whqd,whkd->whqk", query, key) * SCALE
    return (scores if mask is None else scores.masked_fill(~mask, -torch.inf)).softmax(-1)


def test_attention_with_dropout_and_its_gradient_are_those_of_plain_operations(
    inputs: tuple[Tensor, ...], mask: Tensor | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep = (torch.rand(WINDOWS, HEADS, LENGTH, LENGTH, generator=torch.Generator().manual_seed(1)) < 0.7).byte()
    monkeypatch.setattr(attention, "keep_mask", lambda shape, probability, device: keep)
    ours = [tensor.clone().requires_grad_() for tensor in inputs]
    plain = [tensor.clone().requires_grad_() for tensor in inputs]
    output, weights = attend_with_dropout(nn.Module(), *ours, mask, SCALE, 0.3)
    assert weights is not None
    expected_weights = eager(plain[0], plain[1], mask) * keep / 0.7
    torch.testing.assert_close(weights, expected_weights)
    torch.testing.assert_close(output, expected_weights @ plain[2])
    # Both results are used, as the model pools the weights and the next layer reads the output.
    factors = torch.randn(2, *output.shape[:3], 1, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    (output.mul(factors[0]).sum() + weights.square().mul(factors[1]).sum()).backward()
    ((expected_weights @ plain[2]).mul(factors[0]).sum() + expected_weights.square().mul(factors[1]).sum()).backward()
    for found, expected in zip(ours, plain, strict=True):
        torch.testing.assert_close(found.grad, expected.grad)

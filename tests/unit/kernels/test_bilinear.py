"""The grouped bilinear product against the outer product laid out in full, in double precision."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from atlop.kernels.bilinear import grouped_bilinear

pytestmark = pytest.mark.usefixtures("one_thread")

PAIRS, SIZE, COLUMNS = 5, 12, 3


def materialised(head: Tensor, tail: Tensor, weight: Tensor, block: int) -> Tensor:
    """Every product of a head and a tail feature of one group, group by group, head feature by head feature."""
    products = [
        head[:, group + i] * tail[:, group + j]
        for group in range(0, head.shape[1], block)
        for i in range(block)
        for j in range(block)
    ]
    return torch.stack(products, dim=1) @ weight.T


def random_inputs(block: int, pairs: int = PAIRS) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(pairs, SIZE), (pairs, SIZE), (COLUMNS, SIZE * block)]
    return [torch.randn(shape, dtype=torch.float64, generator=generator).requires_grad_() for shape in shapes]


def test_one_group_by_hand() -> None:
    head, tail = torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 5.0]])
    # The products are 1*3, 1*5, 2*3 and 2*5.
    weight = torch.tensor([[1.0, 10.0, 100.0, 1000.0]])
    assert grouped_bilinear(head, tail, weight, 2).tolist() == [[3 + 50 + 600 + 10000]]


@pytest.mark.parametrize("block", [1, 2, 3, 4, 6, 12])
def test_value_and_gradients_are_those_of_the_full_outer_product(block: int) -> None:
    ours, plain = random_inputs(block), random_inputs(block)
    scores, expected = grouped_bilinear(*ours, block), materialised(*plain, block)
    torch.testing.assert_close(scores.double(), expected, atol=1e-5, rtol=1e-5)
    # Factors that single precision holds exactly, as the scores are single.
    factors = torch.randint(-4, 5, scores.shape, generator=torch.Generator().manual_seed(1))
    (scores * factors).sum().backward()
    (expected * factors).sum().backward()
    for found, wanted in zip(ours, plain, strict=True):
        torch.testing.assert_close(found.grad, wanted.grad, atol=1e-12, rtol=1e-12)


def test_half_precision_is_summed_in_single() -> None:
    head = torch.ones(1, 512, dtype=torch.bfloat16)
    weight = torch.ones(1, 512, dtype=torch.bfloat16)
    # With 8 bits of precision, adding ones one by one would stop at 256.
    scores = grouped_bilinear(head, head, weight, 1)
    assert scores.dtype == torch.float32
    assert scores.item() == 512


def test_gradients_have_the_number_format_of_their_inputs() -> None:
    inputs = [tensor.detach().bfloat16().requires_grad_() for tensor in random_inputs(4)]
    grouped_bilinear(*inputs, 4).sum().backward()
    assert [tensor.grad.dtype for tensor in inputs if tensor.grad is not None] == [torch.bfloat16] * 3


def test_no_pairs_give_no_scores_and_no_gradient() -> None:
    inputs = random_inputs(4, pairs=0)
    scores = grouped_bilinear(*inputs, 4)
    assert scores.shape == (0, COLUMNS)
    scores.sum().backward()
    weight = inputs[2].grad
    assert weight is not None
    assert weight.eq(0).all()

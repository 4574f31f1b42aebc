"""The grouped bilinear product against the outer product laid out in full, in double precision."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from atlop.kernels import bilinear
from atlop.kernels.bilinear import PackedBilinear, grouped_bilinear
from atlop.kernels.linear import can_pack

pytestmark = pytest.mark.usefixtures("one_thread")

needs_packing = pytest.mark.skipif(not can_pack(torch.device("cpu")), reason="this build of torch has no oneDNN")

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


def random_inputs(block: int, pairs: int = PAIRS, columns: int = COLUMNS) -> list[Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = [(pairs, SIZE), (pairs, SIZE), (columns, SIZE * block)]
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


@needs_packing
@pytest.mark.parametrize("at_once", [1, 2, 512])
@pytest.mark.parametrize("columns", [1, 4, 5, 15, 16, 17, 36, 37])
def test_packed_scores_are_those_of_the_full_outer_product(
    at_once: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few columns, columns that fill the packed weights up, both, and neither."""
    monkeypatch.setattr(bilinear, "CPU_PAIRS_AT_ONCE", at_once)
    head, tail, weight = (tensor.detach().float() for tensor in random_inputs(4, columns=columns))
    bias = torch.arange(columns).float()
    with torch.inference_mode():
        found = PackedBilinear(weight, bias, 4)(head, tail)
    torch.testing.assert_close(found, materialised(head, tail, weight, 4) + bias, atol=1e-5, rtol=1e-5)


@needs_packing
@pytest.mark.parametrize("columns", [2, 17, 31])
def test_packed_scores_of_no_pairs(columns: int) -> None:
    with torch.inference_mode():
        found = PackedBilinear(torch.ones(columns, 48), torch.ones(columns), 4)(torch.ones(0, 12), torch.ones(0, 12))
    assert found.shape == (0, columns)


@needs_packing
def test_a_few_packed_columns_of_bf16_are_summed_in_single() -> None:
    ones = torch.ones(1, 512, dtype=torch.bfloat16)
    with torch.inference_mode():
        found = PackedBilinear(ones, torch.zeros(1), 1)(ones, ones)
    assert found.dtype == torch.float32
    assert found.item() == 512


@pytest.mark.parametrize("at_once", [1, 2, 3])
def test_pairs_some_at_a_time_score_and_teach_the_same(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bilinear, "CPU_PAIRS_AT_ONCE", at_once)
    ours, plain = random_inputs(3), random_inputs(3)
    scores, expected = grouped_bilinear(*ours, 3), materialised(*plain, 3)
    torch.testing.assert_close(scores.double(), expected, atol=1e-5, rtol=1e-5)
    scores.sum().backward()
    expected.sum().backward()
    for found, wanted in zip(ours, plain, strict=True):
        torch.testing.assert_close(found.grad, wanted.grad, atol=1e-12, rtol=1e-12)


def test_no_pairs_have_no_scores() -> None:
    weight = torch.ones(COLUMNS, 12 * 4)
    assert grouped_bilinear(torch.zeros(0, 12), torch.zeros(0, 12), weight, 4).shape == (0, COLUMNS)


def test_pairs_are_shared_out_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bilinear, "CPU_PAIRS_AT_ONCE", 10)
    counts = {pairs: bilinear.rows_at_once(torch.zeros(pairs, 1)) for pairs in (0, 1, 10, 11, 25)}
    assert counts == {0: 1, 1: 1, 10: 10, 11: 6, 25: 9}
    assert bilinear.rows_at_once(torch.zeros(25, 1, device="meta")) == 25

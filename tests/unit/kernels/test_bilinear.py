"""Every kind of grouped bilinear layer against the outer product laid out in full, in double precision."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from atlop.kernels import bilinear
from atlop.kernels.bilinear import FewColumns, RecomputingBilinear
from atlop.model.scores import GroupedBilinear

pytestmark = pytest.mark.usefixtures("one_thread")

PAIRS, SIZE = 5, 12


def layer(block: int, columns: int) -> GroupedBilinear:
    torch.manual_seed(0)
    return GroupedBilinear(SIZE, block, columns)


def sides(pairs: int = PAIRS) -> list[Tensor]:
    return [part.clone() for part in torch.randn(2, pairs, SIZE, generator=torch.Generator().manual_seed(1))]


def materialized(head: Tensor, tail: Tensor, plain: GroupedBilinear) -> Tensor:
    """Every product of a head and a tail feature of one group, group by group, head feature by head feature."""
    block = plain.block
    products = [
        head[:, group + i] * tail[:, group + j]
        for group in range(0, SIZE, block)
        for i in range(block)
        for j in range(block)
    ]
    return torch.stack(products, dim=1) @ plain.linear.weight.T + plain.linear.bias


@pytest.mark.parametrize("kind", [GroupedBilinear, FewColumns])
@pytest.mark.parametrize("at_once", [1, 2, 512])
@pytest.mark.parametrize(("block", "columns"), [(1, 4), (3, 2), (4, 1), (4, 16), (4, 17), (6, 3), (12, 37)])
@torch.no_grad()
def test_scores_are_those_of_the_full_outer_product(
    kind: type[GroupedBilinear], at_once: int, block: int, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bilinear, "BILINEAR_PAIRS", at_once)
    plain, (head, tail) = layer(block, columns), sides()
    found = plain if kind is GroupedBilinear else kind(plain)  # type: ignore[arg-type, call-arg]
    expected = materialized(head, tail, plain)
    torch.testing.assert_close(found(head, tail), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found(head[:0], tail[:0]), expected[:0])


@pytest.mark.parametrize("at_once", [1, 2, 512])
@pytest.mark.parametrize("block", [1, 3, 4, 12])
def test_a_layer_that_recomputes_learns_as_the_plain_one(
    at_once: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bilinear, "BILINEAR_PAIRS", at_once)
    gradients = []
    for kind in (lambda plain: plain, RecomputingBilinear):
        made = kind(layer(block, 7))
        head, tail = (part.requires_grad_() for part in sides())
        scores = made(head, tail)
        scores.mul(torch.arange(scores.numel()).view_as(scores)).sum().backward()
        gradients.append([scores, head.grad, tail.grad, made.linear.weight.grad, made.linear.bias.grad])
    for plain, recomputed in zip(*gradients, strict=True):
        torch.testing.assert_close(recomputed, plain, atol=1e-4, rtol=1e-5)


def test_a_layer_that_recomputes_has_the_weights_of_the_plain_one() -> None:
    plain = layer(4, 7)
    made = RecomputingBilinear(plain)
    assert made.linear is plain.linear
    assert list(made.state_dict()) == list(plain.state_dict())


@pytest.mark.parametrize("kind", [GroupedBilinear, FewColumns])
def test_half_precision_is_summed_in_single(kind: type[GroupedBilinear]) -> None:
    plain = GroupedBilinear(512, 1, 1)
    torch.nn.init.ones_(plain.linear.weight)
    torch.nn.init.zeros_(plain.linear.bias)
    plain = plain.bfloat16()
    made = plain if kind is GroupedBilinear else kind(plain)  # type: ignore[arg-type, call-arg]
    # With 8 bits of precision, adding ones one by one would stop at 256.
    ones = torch.ones(1, 512, dtype=torch.bfloat16)
    with torch.no_grad():
        scores = made(ones, ones)
    assert scores.dtype == torch.float32
    assert scores.item() == 512


@pytest.mark.parametrize("recomputing", [True, False])
def test_under_autocast_products_are_in_half_and_scores_in_single_precision(recomputing: bool) -> None:
    plain = layer(4, 7)
    made = RecomputingBilinear(plain) if recomputing else plain
    head, tail = sides()
    exact = made(head, tail)
    with torch.autocast("cpu", torch.bfloat16):
        reduced = made(head.bfloat16(), tail.bfloat16())
    assert reduced.dtype == torch.float32
    assert not reduced.equal(exact)
    torch.testing.assert_close(reduced, exact, atol=0.05, rtol=0.05)
    reduced.sum().backward()
    assert made.linear.weight.grad is not None
    assert made.linear.weight.grad.dtype == torch.float32


def test_no_pairs_lose_no_gradient() -> None:
    made = RecomputingBilinear(layer(4, 7))
    made(*sides(0)).sum().backward()
    assert made.linear.weight.grad is not None
    assert made.linear.weight.grad.eq(0).all()

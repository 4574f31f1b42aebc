"""The grouped bilinear product: its loop over groups, its own backward pass, and a form that only predicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from atlop.kernels.linear import Packed, times

CPU_PAIRS_AT_ONCE = 512
"""Pairs whose outer product of one group is held at one time, so that it does not leave a processor's cache."""

PACKED_COLUMNS = 16
"""Packed weights are filled up to a multiple of so many columns, the width of a vector register in fp32."""

FEW_COLUMNS = 4
"""At most so many columns over such a multiple are computed by themselves, without an outer product."""

Product = Callable[[Tensor], Tensor]
"""Multiplies outer products [P, block * block] with the weights of one group, giving [P, R] or more columns."""


def grouped_bilinear(head: Tensor, tail: Tensor, weight: Tensor, block: int) -> Tensor:
    """Sum, for every column, the weighted products of head and tail features of the same group.

    Shapes: ``head`` and ``tail`` [P, K]; ``weight`` [R, K * block]; the result [P, R], in fp32.

    Args:
        head: features of the heads.
        tail: features of the tails.
        weight: one weight for each product of two features of a group, for each column.
        block: features of one group.
    """
    scores: Tensor = _GroupedBilinear.apply(head, tail, weight, block)  # type: ignore[no-untyped-call]
    return scores


class PackedBilinear(nn.Module):
    """A grouped bilinear layer that can only predict, on a CPU.

    Args:
        weight: [R, K * block], in the number format to multiply in.
        bias: [R].
        block: features of one group.
    """

    def __init__(self, weight: Tensor, bias: Tensor, block: int) -> None:
        super().__init__()
        self.block, self.kind, self.bias = block, weight.dtype, bias.detach().float()
        over = len(weight) % PACKED_COLUMNS
        self.many = len(weight) - over if over <= FEW_COLUMNS else len(weight)
        filled = nn.functional.pad(weight[: self.many].detach(), (0, 0, 0, -self.many % PACKED_COLUMNS))
        self.products = [Packed(part) for part in filled.split(block * block, 1) if self.many]
        # [R, K * block] to [K / block, block, R * block].
        few = weight[self.many :].detach().unflatten(1, (-1, block, block)).permute(1, 2, 0, 3)
        self.few = few.flatten(2).contiguous()

    def forward(self, head: Tensor, tail: Tensor) -> Tensor:
        """Give scores [P, R] of ``head`` and ``tail`` [P, K]."""
        head, tail, parts = head.to(self.kind), tail.to(self.kind), []
        if self.many:
            parts.append(sum_groups(head, tail, self.products, self.block, self.many))
        if self.many < len(self.bias):
            parts.append(sum_few(head, tail, self.few))
        return torch.cat(parts, 1).add_(self.bias)


def sum_groups(head: Tensor, tail: Tensor, products: Sequence[Product], block: int, columns: int) -> Tensor:
    """Give the scores [P, R], one group of features at a time.

    The outer product [P, K * block] never exists as a whole: each part is written over the one before.

    Args:
        head: features of the heads, [P, K].
        tail: features of the tails, [P, K].
        products: one for each group.
        block: features of one group.
        columns: the columns to keep of each product, R.
    """
    rows = rows_at_once(head)
    outer = head.new_empty(rows, block, block)
    scores = head.new_zeros(len(head), columns, dtype=torch.float32)
    for left, right, target in zip(head.split(rows), tail.split(rows), scores.split(rows), strict=True):
        part = outer[: len(left)]
        for first, second, product in zip(left.split(block, 1), right.split(block, 1), products, strict=True):
            torch.mul(first.unsqueeze(2), second.unsqueeze(1), out=part)
            target += product(part.flatten(1))[:, :columns]
    return scores


def sum_few(head: Tensor, tail: Tensor, weight: Tensor) -> Tensor:
    """Give the scores [P, R] of a few columns, by a product of heads and weights first and of that and tails then.

    What stands between the two grows with the columns, where an outer product does not, but is smaller for a few.

    Args:
        head: features of the heads, [P, K].
        tail: features of the tails, [P, K].
        weight: [K / block, block, R * block].
    """
    groups, block, width = weight.shape
    rows, scores = rows_at_once(head), []
    for left, right in zip(head.split(rows), tail.split(rows), strict=True):
        lefts, rights = (part.view(-1, groups, 1, block).transpose(0, 1) for part in (left, right))
        between = (lefts.squeeze(2) @ weight).view(groups, -1, width // block, block)
        scores.append((between * rights).sum((0, 3), dtype=torch.float32))
    return torch.cat(scores)


def rows_at_once(head: Tensor) -> int:
    """Share out the pairs evenly, at most :data:`CPU_PAIRS_AT_ONCE` on a CPU and all of them elsewhere."""
    count = max(len(head), 1)
    return -(-count // -(-count // CPU_PAIRS_AT_ONCE)) if head.device.type == "cpu" else count


class _GroupedBilinear(torch.autograd.Function):
    """Computes the outer products anew in the backward pass, which is cheaper than having kept them."""

    @staticmethod
    def forward(ctx: Any, head: Tensor, tail: Tensor, weight: Tensor, block: int) -> Tensor:
        """Compute the product and keep its factors."""
        ctx.save_for_backward(head, tail, weight)
        ctx.block = block
        products = [partial(times, weight=part) for part in weight.split(block * block, 1)]
        return sum_groups(head, tail, products, block, weight.shape[0])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Go back some pairs at a time, as :func:`sum_groups` came."""
        head, tail, weight = ctx.saved_tensors
        gradients = torch.empty_like(head), torch.empty_like(tail), torch.zeros_like(weight)
        size = rows_at_once(head)
        memory = head.new_empty(2, size, ctx.block, ctx.block)
        rows = (tensor.split(size) for tensor in (gradient.to(head.dtype), head, tail, *gradients[:2]))
        for some, left, right, lefts, rights in zip(*rows, strict=True):
            _go_back(some, (left, right, weight), (lefts, rights, gradients[2]), memory[:, : len(left)])
        return *gradients, None


Factors = tuple[Tensor, Tensor, Tensor]
"""Heads [P, K], tails [P, K] and weights [R, K * block], or gradients of them."""


def _go_back(gradient: Tensor, factors: Factors, gradients: Factors, memory: Tensor) -> None:
    """Write the gradients of some pairs, and add theirs to the gradients of the weights, group by group.

    Args:
        gradient: of their scores, [P, R].
        factors: what the scores came from.
        gradients: where to write.
        memory: for two parts of outer products, [2, P, block, block]; memory that is new each time is slow.
    """
    transposed, (inner, outer), block = gradient.T.contiguous(), memory, memory.shape[2]
    parts = (
        (*(tensor.split(block, 1) for tensor in group[:2]), group[2].split(block**2, 1))
        for group in (factors, gradients)
    )
    for left, right, weight, lefts, rights, weights in zip(*chain.from_iterable(parts), strict=True):
        torch.mm(gradient, weight.contiguous(), out=inner.flatten(1))
        torch.sum(torch.mul(inner, right.unsqueeze(1), out=outer), 2, out=lefts)
        rights[:] = (left.unsqueeze(1) @ inner).squeeze(1)
        torch.mul(left.unsqueeze(2), right.unsqueeze(1), out=outer)
        weights += times(transposed, outer.flatten(1).T)

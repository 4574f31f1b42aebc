"""The grouped bilinear product with its own backward pass."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


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


class _GroupedBilinear(torch.autograd.Function):
    """Works one group at a time, so that the outer product [P, K * block] never exists as a whole."""

    @staticmethod
    def forward(ctx: Any, head: Tensor, tail: Tensor, weight: Tensor, block: int) -> Tensor:
        """Compute the product and keep its factors."""
        ctx.save_for_backward(head, tail, weight)
        ctx.block = block
        scores = head.new_zeros(head.shape[0], weight.shape[0], dtype=torch.float32)
        for left, right, part in _groups(head, tail, weight, block):
            scores += _outer(left, right) @ part.T
        return scores

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Compute the outer products anew, which is cheaper than having kept them."""
        head, tail, weight = ctx.saved_tensors
        gradient = gradient.to(head.dtype)
        heads, tails, weights = [], [], []
        for left, right, part in _groups(head, tail, weight, ctx.block):
            outer = (gradient @ part).view(-1, ctx.block, ctx.block)
            heads.append((outer * right.unsqueeze(1)).sum(2))
            tails.append((left.unsqueeze(1) @ outer).squeeze(1))
            weights.append((_outer(left, right).T @ gradient).T)
        return torch.cat(heads, 1), torch.cat(tails, 1), torch.cat(weights, 1), None


def _groups(head: Tensor, tail: Tensor, weight: Tensor, block: int) -> zip[tuple[Tensor, Tensor, Tensor]]:
    return zip(head.split(block, 1), tail.split(block, 1), weight.split(block * block, 1), strict=True)


def _outer(left: Tensor, right: Tensor) -> Tensor:
    return (left.unsqueeze(2) * right.unsqueeze(1)).flatten(1)

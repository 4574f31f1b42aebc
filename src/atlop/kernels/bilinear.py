"""The grouped bilinear layer on a CPU, a few pairs at a time, so that their outer products stay in its cache."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from atlop.limits import BILINEAR_PAIRS
from atlop.model.scores import GroupedBilinear

FEW_COLUMNS = 4
"""The most columns for which :class:`FewColumns` is a candidate."""


class FewColumns(GroupedBilinear):
    """Predicts a few columns without an outer product, from the products of heads with the weights of each column."""

    kernel = "without outer products"

    def __init__(self, layer: GroupedBilinear) -> None:
        nn.Module.__init__(self)
        self.block, self.bias = layer.block, layer.linear.bias.detach().float()
        # [R, K * block] to [K / block, block, R * block].
        weight = layer.linear.weight.detach().unflatten(1, (-1, layer.block, layer.block))
        self.weight = weight.permute(1, 2, 0, 3).flatten(2).contiguous()

    def forward(self, head: Tensor, tail: Tensor) -> Tensor:
        """Return scores [P, R] of ``head`` and ``tail`` [P, K]."""
        groups, block, _ = self.weight.shape
        heads, tails = (part.to(self.weight.dtype).view(-1, groups, block).transpose(0, 1) for part in (head, tail))
        between = (heads @ self.weight).view(groups, len(head), len(self.bias), block)
        scores: Tensor = (between * tails.unsqueeze(2)).sum((0, 3), dtype=torch.float32) + self.bias
        return scores


class RecomputingBilinear(GroupedBilinear):
    """Trains with a backward pass that recomputes the outer products, so that none are kept."""

    kernel = "outer products computed again in the backward pass"

    def __init__(self, layer: GroupedBilinear) -> None:
        nn.Module.__init__(self)
        self.block, self.linear = layer.block, layer.linear

    def forward(self, head: Tensor, tail: Tensor) -> Tensor:
        """Return scores [P, R] of ``head`` and ``tail`` [P, K]."""
        device, weight = head.device.type, self.linear.weight
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else head.dtype
        scores: Tensor = _Bilinear.apply(head.to(dtype), tail.to(dtype), weight.to(dtype), self.block)  # type: ignore[no-untyped-call]
        return scores + self.linear.bias


class _Bilinear(torch.autograd.Function):
    """The sum over groups, [P, R] in fp32, of ``head`` and ``tail`` [P, K] and ``weight`` [R, K * block]."""

    @staticmethod
    def forward(ctx: Any, head: Tensor, tail: Tensor, weight: Tensor, block: int) -> Tensor:
        """Compute the scores, and keep what they are computed from."""
        ctx.save_for_backward(head, tail, weight)
        ctx.block, size = block, BILINEAR_PAIRS
        outer = head.new_empty(min(size, len(head)), block, block)
        scores = head.new_zeros(len(head), len(weight), dtype=torch.float32)
        for left, right, target in zip(head.split(size), tail.split(size), scores.split(size), strict=True):
            products = outer[: len(left)]
            for first, second, part in _groups(block, left, right, weight):
                torch.mul(first.unsqueeze(2), second.unsqueeze(1), out=products)
                target += nn.functional.linear(products.flatten(1), part)
        return scores

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Compute the gradients, the same number of pairs at a time."""
        head, tail, weight = ctx.saved_tensors
        gradients, size = (torch.empty_like(head), torch.empty_like(tail), torch.zeros_like(weight)), BILINEAR_PAIRS
        buffers = head.new_empty(2, min(size, len(head)), ctx.block, ctx.block)
        rows = (tensor.split(size) for tensor in (gradient.to(head.dtype), head, tail, *gradients[:2]))
        for some, left, right, lefts, rights in zip(*rows, strict=True):
            factors, targets = (left, right, weight), (lefts, rights, gradients[2])
            _backward(some, factors, targets, buffers[:, : len(left)])
        return *gradients, None


def _groups(block: int, head: Tensor, tail: Tensor, weight: Tensor) -> Any:
    """Return the features [P, block] of head and tail and the weights [R, block * block] of each group."""
    return zip(head.split(block, 1), tail.split(block, 1), weight.split(block**2, 1), strict=True)


Factors = tuple[Tensor, Tensor, Tensor]
"""Heads [P, K], tails [P, K] and weights [R, K * block], or their gradients."""


def _backward(gradient: Tensor, factors: Factors, gradients: Factors, buffers: Tensor) -> None:
    """Write the gradients of heads and tails, and add to those of the weights, group by group.

    Args:
        gradient: that of the scores, [P, R].
        factors: what the scores were computed from.
        gradients: where to write.
        buffers: room for two outer products, [2, P, block, block]; allocating it each time is slow.
    """
    transposed, (inner, outer), block = gradient.T.contiguous(), buffers, buffers.shape[2]
    groups = zip(_groups(block, *factors), _groups(block, *gradients), strict=True)
    for left, right, weight, lefts, rights, weights in map(tuple, map(chain.from_iterable, groups)):
        torch.mm(gradient, weight.contiguous(), out=inner.flatten(1))
        torch.sum(torch.mul(inner, right.unsqueeze(1), out=outer), 2, out=lefts)
        rights[:] = (left.unsqueeze(1) @ inner).squeeze(1)
        torch.mul(left.unsqueeze(2), right.unsqueeze(1), out=outer)
        weights += transposed @ outer.flatten(1)

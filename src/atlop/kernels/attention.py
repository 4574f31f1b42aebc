"""Attention with dropout on a CPU, where torch's fused attention is slow."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from atlop.kernels.dropout import keep_mask
from atlop.model.attention import attend


def attend_with_dropout(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float, dropout: float
) -> tuple[Tensor, Tensor | None]:
    """Attend with dropout from fast masks, in the precision of the query; see :func:`atlop.model.attention.attend`."""
    if not dropout:
        return attend(module, query, key, value, mask, scale, dropout)
    with torch.autocast(query.device.type, enabled=False):
        # Products of views that are not contiguous are slow.
        scores = (query * scale).contiguous() @ key.contiguous().transpose(-1, -2)
        if mask is not None:
            scores += _bias(mask, scores.dtype)
        keep = keep_mask(scores.shape, dropout, scores.device)
        weights: Tensor = _DroppedSoftmax.apply(scores, keep, 1 / (1 - dropout))  # type: ignore[no-untyped-call]
        return weights @ value.contiguous(), weights


def _bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Return what to add to scores: far below any score where not attended, yet far from the lowest number."""
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill_(~mask, torch.finfo(dtype).min / 2)


class _DroppedSoftmax(torch.autograd.Function):
    """Softmax, then dropout, keeping the softmax and the mask for the backward pass."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, keep: Tensor, scale: float) -> Tensor:
        """Compute the weights after dropout."""
        weights = scores.softmax(-1)
        ctx.save_for_backward(weights, keep)
        ctx.scale = scale
        return (weights * keep).mul_(scale)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Compute the gradient of the scores."""
        weights, keep = ctx.saved_tensors
        inner = (gradient * keep).mul_(ctx.scale)
        return torch._softmax_backward_data(inner, weights, -1, weights.dtype), None, None

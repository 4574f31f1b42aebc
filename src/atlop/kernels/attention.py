"""Attention on a CPU, where torch's fused attention is slow: with dropout, and in bf16."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from atlop.kernels.dropout import keep_mask
from atlop.limits import ATTENTION_SCORES
from atlop.model.attention import attend

LENGTH_STEP = 32
"""Windows are padded to a multiple of so many subwords in bf16, as oneDNN compiles code for each size."""


def attend_in_blocks(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float, dropout: float
) -> tuple[Tensor, None]:
    """Attend by products of whole matrices, for prediction in bf16; see :func:`atlop.model.attention.attend`."""
    windows, heads, length, _ = query.shape
    extra = -length % LENGTH_STEP
    bias = None if mask is None else pad(_bias(mask, query.dtype), (0, extra, 0, extra))
    # Products of views that are not contiguous are slow, and so are those with more than one batch dimension.
    query, key, value = (pad(part, (0, 0, 0, extra)).contiguous() for part in (query, key, value))
    output, nothing, size = torch.empty_like(query), query.new_empty(()), length + extra
    some, rows = (max(1, ATTENTION_SCORES // (heads * side)) for side in (size * size, size))
    for window in range(0, windows, some):
        part = slice(window, window + some)
        queries, keys, values = (tensor[part].flatten(0, 1) for tensor in (query, key, value))
        for row in range(0, size, rows):
            scores = torch.baddbmm(nothing, queries[:, row : row + rows], keys.transpose(1, 2), beta=0, alpha=scale)
            if bias is not None:
                scores.view(-1, heads, *scores.shape[1:]).add_(bias[part, :, row : row + rows])
            scores[:, :, length:] = -torch.inf
            found = torch.bmm(torch.softmax(scores, -1, out=scores), values)
            output[part, :, row : row + rows] = found.view(-1, heads, *found.shape[1:])
    return output[:, :, :length], None


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

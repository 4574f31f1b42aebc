"""Attention that also hands out a few of its rows.

Registered with transformers as an attention function, it lets an encoder run on the fast kernel, which keeps no
attention map, and computes only the wanted rows of the last layer beside it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from atlop.kernels.dropout import keep_mask

ATTENTION = "atlop_mention_rows"
"""Name under which transformers knows the attention function."""

SCORES_AT_ONCE = 2**21
"""Attention scores that :func:`attend_in_blocks` holds at one time."""

LENGTH_STEP = 32
"""There, windows are filled up to a multiple of so many subwords, as oneDNN makes new code for each size."""


def register_attention() -> None:
    """Make :data:`ATTENTION` known to transformers; doing it again changes nothing."""
    AttentionInterface.register(ATTENTION, attention_with_mention_rows)
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)


class MentionRows:
    """Carries the places of mention starts down to the last layer's attention, and the rows found there back up.

    Layers are told apart by counting calls, as some encoders use one module for all layers.

    Args:
        positions: places of mention starts in each window, [W, Q].
        layers: attention calls in one pass through the encoder.
    """

    def __init__(self, positions: Tensor, layers: int) -> None:
        self.positions, self.layers = positions, layers
        self.calls = 0
        self.rows: Tensor | None = None

    def is_last_call(self) -> bool:
        """Count one attention call and tell whether it was the last."""
        self.calls += 1
        return self.calls == self.layers


def attention_with_mention_rows(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    mention_rows: MentionRows | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attend as transformers' SDPA does; in the last layer leave the rows of mention starts in ``mention_rows``.

    Shapes: ``query``, ``key``, ``value`` [W, H, S, D/H]; ``attention_mask`` [W, 1, S, S], true where attended.
    """
    last = mention_rows is not None and mention_rows.is_last_call()
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if dropout:
        output, weights = attend_with_dropout(query, key, value, attention_mask, scale, dropout)
        if mention_rows is not None and last:
            # The published model pools the attention after dropout, so both uses must see the same mask.
            mention_rows.rows = select_rows(weights, mention_rows.positions).float()
        return output.transpose(1, 2).contiguous(), None
    if mention_rows is not None and last:
        mention_rows.rows = attention_rows(query, key, attention_mask, scale, mention_rows.positions)
    if query.device.type == "cpu" and query.dtype == torch.bfloat16 and not torch.is_grad_enabled():
        return attend_in_blocks(query, key, value, attention_mask, scale).transpose(1, 2).contiguous(), None
    return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **options)


def attention_rows(query: Tensor, key: Tensor, mask: Tensor | None, scale: float, positions: Tensor) -> Tensor:
    """Compute the attention of the queries at ``positions`` [W, Q] alone, giving [W, H, Q, S]."""
    scores = (select_rows(query, positions) @ key.transpose(-1, -2)).float() * scale
    if mask is not None:
        square = mask.expand(-1, -1, query.shape[2], -1)
        scores = scores.masked_fill(~select_rows(square, positions), torch.finfo(scores.dtype).min)
    return scores.softmax(-1)


def select_rows(tensor: Tensor, positions: Tensor) -> Tensor:
    """Take the rows at ``positions`` [W, Q] out of ``tensor`` [W, H, S, ...], giving [W, H, Q, ...]."""
    index = positions[:, None, :, None].expand(-1, tensor.shape[1], -1, tensor.shape[3])
    return tensor.gather(2, index)


def attend_in_blocks(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float) -> Tensor:
    """Attend by products of whole matrices, for prediction in bf16 on a CPU, where torch's fused kernel is slower.

    Returns:
        The output [W, H, S, D/H].
    """
    windows, heads, length, _ = query.shape
    extra = -length % LENGTH_STEP
    bias = None if mask is None else nn.functional.pad(_bias(mask, query.dtype), (0, extra, 0, extra))
    # Products of views that are not contiguous take a slow way, and so do those of more than one batch dimension.
    query, key, value = (nn.functional.pad(part, (0, 0, 0, extra)).contiguous() for part in (query, key, value))
    output, nothing, size = torch.empty_like(query), query.new_empty(()), length + extra
    some, rows = (max(1, SCORES_AT_ONCE // (heads * side)) for side in (size * size, size))
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
    return output[:, :, :length]


def attend_with_dropout(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float, probability: float
) -> tuple[Tensor, Tensor]:
    """Attend with dropout on the attention weights.

    Torch's fused attention leaves its fast kernel when dropout is on; this keeps every pass over the weights in the
    number format of the query.

    Returns:
        The output [W, H, S, D/H] and the weights after dropout [W, H, S, S].
    """
    with torch.autocast(query.device.type, enabled=False):
        # Products of views that are not contiguous take a slow way.
        scores = (query * scale).contiguous() @ key.contiguous().transpose(-1, -2)
        if mask is not None:
            scores += _bias(mask, scores.dtype)
        keep = keep_mask(scores.shape, probability, scores.device)
        weights: Tensor = _DroppedSoftmax.apply(scores, keep, 1 / (1 - probability))  # type: ignore[no-untyped-call]
        return weights @ value.contiguous(), weights


def _bias(mask: Tensor, dtype: torch.dtype) -> Tensor:
    """Give what to add to scores: much less than any score where not attended, yet far from the lowest number."""
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
        """Go back through dropout, then softmax."""
        weights, keep = ctx.saved_tensors
        inner = (gradient * keep).mul_(ctx.scale)
        return torch._softmax_backward_data(inner, weights, -1, weights.dtype), None, None

"""Attention that also returns a few of its rows.

Localized context pooling reads the last layer's attention, and of that only the rows of mention starts (paper section
4.2). So every layer may use a fused kernel, which keeps no attention map, and the last one also computes these rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

ATTENTION = "atlop_mention_rows"
"""Name under which transformers knows the attention function."""

Attend = Callable[[nn.Module, Tensor, Tensor, Tensor, Tensor | None, float, float], tuple[Tensor, Tensor | None]]
"""Attention of (module, query, key, value, mask, scale, dropout), such as :func:`attend`."""


class Projections(NamedTuple):
    """Query and key of the last layer, [W, H, S, D/H], from which :func:`attention_rows` computes any row."""

    query: Tensor
    key: Tensor
    scale: float


@dataclass
class MentionRows:
    """Carries positions of mention starts [W, Q] to the last layer, the last of ``layers`` calls, and its rows back."""

    positions: Tensor
    attend: Attend
    layers: int
    calls: int = 0
    rows: Tensor | None = None
    projections: Projections | None = None


def register_attention() -> None:
    """Register :data:`ATTENTION` with transformers; repeating it changes nothing."""
    AttentionInterface.register(ATTENTION, attention_with_mention_rows)
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)


def attention_with_mention_rows(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """Attend, and in the last layer store the rows of mention starts in the option ``mention_rows``.

    Shapes: ``query``, ``key``, ``value`` [W, H, S, D/H]; ``attention_mask`` [W, 1, S, S], true where attended.
    """
    carrier: MentionRows = options["mention_rows"]
    scale = options.get("scaling") or query.shape[-1] ** -0.5
    output, weights = carrier.attend(module, query, key, value, attention_mask, scale, options.get("dropout", 0.0))
    carrier.calls += 1
    if carrier.calls == carrier.layers:
        carrier.projections = Projections(query, key, scale)
        # The published model pools the attention after dropout, so both uses must see the same dropout mask.
        seen = None if weights is None else select_rows(weights, carrier.positions).float()
        carrier.rows = attention_rows(carrier.projections, attention_mask, carrier.positions) if seen is None else seen
    return output.transpose(1, 2).contiguous(), None


def attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None, scale: float, dropout: float
) -> tuple[Tensor, Tensor | None]:
    """Return the output [W, H, S, D/H] and, where there is dropout, the weights after it [W, H, S, S]."""
    if not dropout:
        return sdpa_attention_forward(module, query, key, value, mask, scaling=scale)[0].transpose(1, 2), None
    scores = query @ key.transpose(-1, -2) * scale
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    weights = nn.functional.dropout(scores.softmax(-1), dropout).to(value.dtype)
    return weights @ value, weights


def attention_rows(projections: Projections, mask: Tensor | None, positions: Tensor) -> Tensor:
    """Return the attention [W, H, Q, S] of the queries at ``positions`` [W, Q] alone."""
    query, key, scale = projections
    scores = (select_rows(query, positions) @ key.transpose(-1, -2)).float() * scale
    if mask is not None:
        square = mask.expand(-1, -1, query.shape[2], -1)
        scores = scores.masked_fill(~select_rows(square, positions), torch.finfo(scores.dtype).min)
    return scores.softmax(-1)


def select_rows(tensor: Tensor, positions: Tensor) -> Tensor:
    """Return the rows [W, H, Q, ...] of ``tensor`` [W, H, S, ...] at ``positions`` [W, Q]."""
    return tensor.gather(2, positions[:, None, :, None].expand(-1, tensor.shape[1], -1, tensor.shape[3]))

"""What several windows say of a document becomes one.

N counts the places where a mention start is seen, one for each window that holds it; the other letters are those of
:mod:`atlop.model`.
"""

from __future__ import annotations

import torch
from torch import Tensor


def join_states(states: Tensor, places: Tensor, coverage: Tensor) -> Tensor:
    """Put the states of all windows in their places, averaged where windows overlap and zero where there is none.

    Args:
        states: state of every subword of every window, [W, S, D].
        places: document * L + place of each, B * L for one that belongs to no document, [W, S].
        coverage: in how many windows each subword of each document is, [B, L].

    Returns:
        States [B, L, D].
    """
    documents, length = coverage.shape
    flat = states.new_zeros(documents * length + 1, states.shape[-1])
    flat = flat.index_add(0, places.flatten(), states.flatten(0, 1))
    joined = flat[:-1].view(documents, length, -1)
    return joined / coverage.clamp(min=1).unsqueeze(-1).to(joined.dtype)


def join_rows(rows: Tensor, columns: Tensor, mentions: Tensor, split: Tensor, length: int) -> Tensor:
    """Put the attention rows of all windows together, mention by mention.

    Args:
        rows: attention of each mention start as one window sees it, [N, H, S].
        columns: place in the document of each of its entries, L for one that belongs to no document, [N, S].
        mentions: the mention of each row, [N].
        split: whether the document of each mention has several windows; then its rows are made to sum to one, [M].
        length: subwords of the longest document, L.

    Returns:
        Attention [M, H, L].
    """
    count, heads, _ = rows.shape
    target = rows.new_zeros(count, heads, length + 1)
    spread = target.scatter(2, columns[:, None, :].expand(-1, heads, -1), rows)[:, :, :-1]
    joined = rows.new_zeros(split.shape[0], heads, length).index_add(0, mentions, spread)
    share = joined / (joined.sum(-1, keepdim=True) + 1e-10)
    return torch.where(split[:, None, None], share, joined)

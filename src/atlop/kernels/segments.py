"""Pooling of rows that belong to groups of different sizes, without padding and without a loop."""

from __future__ import annotations

import torch
from torch import Tensor


def segment_logsumexp(rows: Tensor, group: Tensor, groups: int) -> Tensor:
    """Take the log of the sum of exponentials of the rows of each group; zero for a group without rows.

    Args:
        rows: [M, D].
        group: the group of each row, [M].
        groups: how many there are, E.

    Returns:
        One row a group, [E, D].
    """
    index = group[:, None].expand_as(rows)
    zero = rows.new_zeros(groups, rows.shape[1])
    peak = zero.scatter_reduce(0, index, rows.detach(), "amax", include_self=False)
    total = zero.index_add(0, group, (rows - peak.index_select(0, group)).exp())
    # The largest row of a group adds exp(0), so only the sum of a group without rows is below 1.
    return total.clamp(min=1).log() + peak


def segment_mean(rows: Tensor, group: Tensor, groups: int) -> Tensor:
    """Average the rows of each group; zero for a group without rows.

    Args:
        rows: [M, ...].
        group: the group of each row, [M].
        groups: how many there are, E.

    Returns:
        One row a group, [E, ...].
    """
    count = rows.new_zeros(groups).index_add(0, group, torch.ones_like(group, dtype=rows.dtype))
    total = rows.new_zeros(groups, *rows.shape[1:]).index_add(0, group, rows)
    return total / count.clamp(min=1).view(-1, *[1] * (rows.dim() - 1))

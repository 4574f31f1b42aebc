"""Pairs to relation scores: the grouped bilinear layer and adaptive thresholding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from atlop.parts import Sizes, register


class GroupedBilinear(nn.Module):
    """Scores pairs by the products of head and tail within groups of ``block`` features (paper equation 5)."""

    def __init__(self, size: int, block: int, columns: int) -> None:
        super().__init__()
        self.block = block
        self.linear = nn.Linear(size * block, columns)

    def forward(self, head: Tensor, tail: Tensor) -> Tensor:
        """Return scores [P, R] in fp32 of ``head`` and ``tail`` [P, K], one group after another."""
        scores = self.linear.bias[:, None].float()
        # The products of a group, [block * block, P], have the pairs last: matrix products of that shape are faster.
        heads, tails = head.T.contiguous().split(self.block), tail.T.contiguous().split(self.block)
        for left, right, weight in zip(heads, tails, self.linear.weight.split(self.block**2, 1), strict=True):
            scores = scores + (weight @ (left.unsqueeze(1) * right.unsqueeze(0)).flatten(0, 1)).float()
        return scores.T


@register("thresholding", "adaptive")
class AdaptiveThreshold(nn.Module):
    """A threshold for each pair, learned as the score of column 0 (paper section 4.1)."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()

    def forward(self, scores: Tensor) -> Tensor:
        """Return the logits [P, R] of scores [P, R]: the same."""
        return scores

    @staticmethod
    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        """Rank each pair's relations above its threshold and all others below it (paper equations 6 and 7).

        Column 0 of ``labels`` [P, R] does not count. Returns the mean over pairs, 0 if there are none.
        """
        logits, positive = logits.float(), labels > 0.5
        positive[:, 0] = False
        above, below = ~positive, positive.clone()
        above[:, 0] = False
        first = positive.sum(1) * logits.masked_fill(above, -torch.inf).logsumexp(1)
        first = first - logits.masked_fill(~positive, 0).sum(1)
        second = logits.masked_fill(below, -torch.inf).logsumexp(1) - logits[:, 0]
        return (first + second).sum() / max(1, len(logits))

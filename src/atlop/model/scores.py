"""Pairs to relation scores: the grouped bilinear layer and adaptive thresholding."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from atlop.kernels.bilinear import grouped_bilinear


class GroupedBilinear(nn.Module):
    """Scores pairs by the products of head and tail within groups of features (paper equation 5).

    Args:
        size: width of head and tail, K.
        block: width of one group; K divided by it is the number of groups.
        columns: number of scores, R.
    """

    def __init__(self, size: int, block: int, columns: int) -> None:
        super().__init__()
        self.block = block
        self.linear = nn.Linear(size * block, columns)

    def forward(self, head: Tensor, tail: Tensor) -> Tensor:
        """Give scores [P, R] of ``head`` and ``tail`` [P, K]."""
        device = head.device.type
        kind = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else head.dtype
        weight = self.linear.weight.to(kind)
        return grouped_bilinear(head.to(kind), tail.to(kind), weight, self.block) + self.linear.bias


class AdaptiveThreshold:
    """A threshold for each pair, learned as the score of column 0 (paper section 4.1)."""

    def logits(self, scores: Tensor) -> Tensor:
        """Give logits [P, R] of scores [P, R]: the same."""
        return scores

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Rank each pair's relations above its threshold and all others below (paper equations 6 and 7).

        Args:
            logits: [P, R].
            labels: true where the pair has the relation, [P, R]; column 0 does not count.

        Returns:
            The mean over pairs, a number.
        """
        logits, positive = logits.float(), labels.bool().clone()
        positive[:, 0] = False
        above, below = ~positive, positive.clone()
        above[:, 0] = False
        first = positive.sum(1) * logits.masked_fill(above, -torch.inf).logsumexp(1)
        first = first - logits.masked_fill(~positive, 0).sum(1)
        second = logits.masked_fill(below, -torch.inf).logsumexp(1) - logits[:, 0]
        return (first + second).mean()


class GlobalThreshold:
    """One threshold for all pairs, at logit 0: the paper's ablation of :class:`AdaptiveThreshold`."""

    def logits(self, scores: Tensor) -> Tensor:
        """Give logits [P, R] of scores [P, R]: the same, with the threshold's column at 0."""
        return torch.cat([torch.zeros_like(scores[:, :1]), scores[:, 1:]], 1)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Give the binary cross-entropy of every relation of every pair, summed over relations, mean over pairs."""
        wanted = labels[:, 1:].float()
        each = nn.functional.binary_cross_entropy_with_logits(logits[:, 1:].float(), wanted, reduction="none")
        return each.sum(1).mean()


THRESHOLDINGS: dict[str, AdaptiveThreshold | GlobalThreshold] = {
    "adaptive": AdaptiveThreshold(),
    "global": GlobalThreshold(),
}
"""The parts that ``ModelConfig.thresholding`` names."""

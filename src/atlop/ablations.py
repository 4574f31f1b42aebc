"""What the paper compares ATLOP with: parts to choose instead of those that it proposes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from atlop.batches import Batch
from atlop.model.encoder import Encoded
from atlop.model.pairs import Contexts, Entities, segment_mean
from atlop.model.scores import AdaptiveThreshold
from atlop.parts import Sizes, register


@register("mention_pooling", "mean")
class MeanPooling(nn.Module):
    """Pools the mentions of an entity by their mean instead of logsumexp."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()

    def forward(self, states: Tensor, batch: Batch[Tensor]) -> Tensor:
        """Return the embeddings [E, D] of entities from the states [M, D] of their mentions."""
        return segment_mean(states, batch.mention_entity, batch.entities)


@register("mention_pooling", "max")
class MaxPooling(nn.Module):
    """Pools the mentions of an entity by their maximum instead of logsumexp."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()

    def forward(self, states: Tensor, batch: Batch[Tensor]) -> Tensor:
        """Return the embeddings [E, D] of entities from the states [M, D] of their mentions."""
        index = batch.mention_entity[:, None].expand_as(states)
        zero = states.new_zeros(batch.entities, states.shape[1])
        return zero.scatter_reduce(0, index, states, "amax", include_self=False)


@register("context", "none")
class NoContext(nn.Module):
    """Gives every pair an empty context, so that it is judged by its two entities alone."""

    width = 0

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()

    def forward(self, encoded: Encoded, entities: Entities, batch: Batch[Tensor]) -> Contexts:
        """Return contexts [U, 0]."""
        return Contexts(encoded.states.new_zeros(len(batch.unordered_pairs), 0))


@register("thresholding", "global")
class GlobalThreshold(nn.Module):
    """One threshold for all pairs, at logit 0, trained by binary cross-entropy."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()

    def forward(self, scores: Tensor) -> Tensor:
        """Return the logits [P, R] of scores [P, R]: the same, with 0 in the threshold's column."""
        return torch.cat([torch.zeros_like(scores[:, :1]), scores[:, 1:]], 1)

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the binary cross-entropy summed over relations, as the mean over pairs, 0 if there are none."""
        target = labels[:, 1:].float()
        loss = nn.functional.binary_cross_entropy_with_logits(logits[:, 1:].float(), target, reduction="sum")
        return loss / max(1, len(logits))


@register("thresholding", "adaptive-bce")
class PlainLoss(AdaptiveThreshold):
    """Decodes by a threshold for each pair, which is trained like a relation, by binary cross-entropy.

    The label of the threshold is true for a pair without relations, as in the paper's ablation of its loss.
    """

    @staticmethod
    def loss(logits: Tensor, labels: Tensor) -> Tensor:
        """Return the binary cross-entropy summed over columns, as the mean over pairs, 0 if there are none."""
        loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), labels.float(), reduction="sum")
        return loss / max(1, len(logits))

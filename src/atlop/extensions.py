"""What goes beyond the paper: parts to choose instead of those of :mod:`atlop.model`.

The letters of shapes are those of :mod:`atlop.model`.
"""

from __future__ import annotations

from torch import Tensor, nn

from atlop.batches import Batch
from atlop.model.pairs import LogSumExpPooling
from atlop.parts import Sizes, register


@register("mention_pooling", "logsumexp-typed")
class TypedPooling(LogSumExpPooling):
    """Pools mentions by logsumexp and adds a learned embedding of the entity's type."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(sizes)
        # Type 0 stands for all types that are not in the training documents.
        self.types = nn.Embedding(sizes.entity_types + 1, sizes.width)
        nn.init.zeros_(self.types.weight)  # training starts from plain ATLOP

    def forward(self, states: Tensor, batch: Batch[Tensor]) -> Tensor:
        """Return the embeddings [E, D] of entities from the states [M, D] of their mentions."""
        embedded: Tensor = self.types(batch.entity_types)
        return super().forward(states, batch) + embedded


@register("interaction", "reverse")
class ReverseInteraction(nn.Module):
    """Adds to the logits of a pair (h, t) a linear function of the probabilities of the relations of (t, h).

    Many relations come in pairs, such as *part of* and *has part*. Plain ATLOP scores the two directions separately.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.linear = nn.Linear(sizes.columns, sizes.columns, bias=False)
        nn.init.zeros_(self.linear.weight)  # training starts from plain ATLOP

    def forward(self, logits: Tensor, batch: Batch[Tensor]) -> Tensor:
        """Return joint logits [P, R] from those of each pair scored by itself, [P, R]."""
        probabilities = (logits - logits[:, :1]).sigmoid()
        # The row after the last one stands for reverse pairs that are not scored.
        reversed_pairs = nn.functional.pad(probabilities, (0, 0, 0, 1)).index_select(0, batch.reverse_pairs)
        change: Tensor = self.linear(reversed_pairs.to(self.linear.weight.dtype))
        # The threshold's logit does not change: it stays 0 if all pairs share one threshold.
        return logits + (change - change[:, :1]).to(logits.dtype)


@register("thresholding", "weighted-softmax")
class WeightedSoftmax(nn.Module):
    """A threshold for each pair, trained by one softmax over all columns (ATGL, ACL 2026).

    With the weight w, a relation of probability q ends up log(w * q) above the threshold: it is predicted if q > 1 / w.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.weight = sizes.positive_weight

    def forward(self, scores: Tensor) -> Tensor:
        """Return the logits [P, R] of scores [P, R]: the same."""
        return scores

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Return the cross-entropy of the true relations, weighted, and of the threshold, as the mean over pairs.

        Column 0 of ``labels`` [P, R] does not count; the others may be probabilities. Returns 0 if there are no pairs.
        """
        log_probabilities = logits.float().log_softmax(1)
        positive = log_probabilities[:, 1:] * labels[:, 1:]
        return -(self.weight * positive.sum() + log_probabilities[:, 0].sum()) / max(1, len(logits))

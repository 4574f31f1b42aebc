"""Evidence: the sentences that a relation can be read from, by localized context pooling (DREEAM, EACL 2023).

The context weights of a pair, summed by sentence, serve as its evidence; this head trains them to favour the sentences
that annotators chose. It has no weights and costs nothing in prediction.
"""

from __future__ import annotations

from torch import Tensor

from atlop.heads import Head
from atlop.model.relation_model import RelationOutput
from atlop.parts import Sizes, register

LOSS_WEIGHT = 0.4
"""Weight of this loss in that of the model. 0.1, as published for BERT-base, does about as well here."""

EPSILON = 1e-30
"""Added to a probability before its logarithm, as published."""


@register("heads", "evidence")
class Evidence(Head):
    """Trains the context weights of pairs to match the distribution of their annotated evidence over sentences."""

    needs = frozenset({"sentences"})

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()

    def forward(self, output: RelationOutput) -> Tensor | None:
        """Return the context weights of ordered pairs by sentence, [P, T]; ``None`` for a model without contexts."""
        weights = output.contexts.by_sentence
        return None if weights is None else weights.index_select(0, output.batch.pair_contexts)

    def loss(self, found: Tensor | None, output: RelationOutput) -> Tensor:
        """Return the Kullback-Leibler divergence, as the mean over the pairs whose evidence is annotated.

        Returns 0 if there are none. Many relations have no annotated evidence, which does not mean that there is none.
        """
        annotated = output.batch.evidence
        if found is None or annotated is None or not annotated.any():
            return output.logits.new_zeros(())
        chosen = annotated.any(1)
        wanted = annotated[chosen].float()
        wanted = wanted / wanted.sum(1, keepdim=True)
        divergence = wanted.clamp(min=EPSILON).log() - (found[chosen].float() + EPSILON).log()
        return LOSS_WEIGHT * (wanted * divergence).sum() / len(wanted)

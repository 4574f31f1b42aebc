"""Entities: which of the names of a document belong together.

The decision on two names rests on the states of their mentions and on how alike their texts are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from atlop.heads import Head
from atlop.limits import PAIRS
from atlop.model.pairs import segment_mean
from atlop.model.relation_model import RelationOutput
from atlop.names import FEATURES, Names
from atlop.parts import Sizes, register

WIDTH = 128
"""Width of the vectors by which two names are compared."""


@register("heads", "entities")
class Entities(Head):
    """Scores pairs of names of one type, above 0 where both belong to one entity.

    X names, Y pairs of names.
    """

    needs = frozenset({"all_documents"})

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.project = nn.Linear(sizes.width, WIDTH)
        self.types = nn.Embedding(sizes.entity_types + 1, WIDTH)
        self.hidden = nn.Linear(3 * WIDTH + len(FEATURES), WIDTH)
        self.score = nn.Linear(WIDTH, 1)

    def forward(self, output: RelationOutput) -> Tensor | None:
        """Return the score of every pair of ``batch.names``, [Y]; ``None`` without names."""
        names = output.batch.names
        return None if names is None else self.compare(self.pool(output.encoded.states, names), names)

    @staticmethod
    def pool(states: Tensor, names: Names[Tensor]) -> Tensor:
        """Return the mean state of the subwords of each name, [X, D], from the states [B, L, D]."""
        found = states.flatten(0, 1).index_select(0, names.places)
        return segment_mean(found, names.owners, len(names.types))

    def compare(self, pooled: Tensor, names: Names[Tensor]) -> Tensor:
        """Return the score of every pair of names, [Y], from the mean state of each, [X, D]."""
        vectors, blocks = (
            self.project(pooled).tanh(),
            zip(names.pairs.split(PAIRS), names.likeness.split(PAIRS), strict=True),
        )
        return torch.cat([self._compare(vectors, names.types, *block) for block in blocks])

    def _compare(self, vectors: Tensor, types: Tensor, pairs: Tensor, likeness: Tensor) -> Tensor:
        first, second = (vectors.index_select(0, pairs[:, side]) for side in (0, 1))
        kind = self.types(types.index_select(0, pairs[:, 0]))
        compared = (first * second, (first - second).abs(), kind, likeness.to(vectors.dtype))
        score: Tensor = self.score(nn.functional.gelu(self.hidden(torch.cat(compared, 1))))
        return score[:, 0]

    def loss(self, found: Tensor | None, output: RelationOutput) -> Tensor:
        """Return the binary cross-entropy, as the mean over pairs of names, 0 if there are none."""
        names = output.batch.names
        if found is None or names is None or not len(found):
            return output.logits.new_zeros(())
        target = names.together.float()
        loss: Tensor = nn.functional.binary_cross_entropy_with_logits(found.float(), target)
        return loss

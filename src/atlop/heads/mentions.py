"""Mentions: a typed tag for every word, so that a document needs no marked entities."""

from __future__ import annotations

from torch import Tensor, nn

from atlop.heads import Head
from atlop.model.relation_model import RelationOutput
from atlop.parts import Sizes, register
from atlop.shapes import SHAPES

SHAPE_WIDTH = 32
"""Width of the embedding of a word's shape."""

NEIGHBOURS = 2
"""Subwords to each side whose shapes a tag depends on directly."""


@register("heads", "mentions")
class Mentions(Head):
    """Tags words by the states of their first subwords and by the shapes of the words around them.

    The tags are those of :func:`atlop.targets.mention_tags`, 2 * ``entity_types`` + 1 of them, the letter G in shapes.
    """

    needs = frozenset({"all_documents", "projections"})

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.shapes = nn.Embedding(len(SHAPES), SHAPE_WIDTH)
        self.around = nn.Conv1d(SHAPE_WIDTH, sizes.width, 2 * NEIGHBOURS + 1, padding=NEIGHBOURS, bias=False)
        self.hidden = nn.Linear(sizes.width, sizes.width)
        self.tags = nn.Linear(sizes.width, 2 * sizes.entity_types + 1)

    def forward(self, output: RelationOutput) -> Tensor:
        """Return the logits of tags, [B, L, G]; only those of the first subword of each word are meaningful."""
        return self.tag(output.encoded.states, output.batch.shapes)

    def tag(self, states: Tensor, shapes: Tensor) -> Tensor:
        """Return the logits of tags, [B, L, G], from states [B, L, D] and shapes of words [B, L]."""
        around = self.around(self.shapes(shapes).transpose(1, 2)).transpose(1, 2)
        tags: Tensor = self.tags(nn.functional.gelu(self.hidden(states) + around))
        return tags

    def loss(self, found: Tensor, output: RelationOutput) -> Tensor:
        """Return the cross-entropy of the annotated tags, as the mean over words, 0 if there are none."""
        tags = output.batch.tags
        if tags is None or not (tags >= 0).any():
            return output.logits.new_zeros(())
        loss: Tensor = nn.functional.cross_entropy(found[tags >= 0].float(), tags[tags >= 0])
        return loss

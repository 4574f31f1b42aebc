"""The whole of ATLOP: builds its stages and runs them in order. It has no tokenizer and knows no relation names."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from atlop.batches import Batch
from atlop.config import ModelConfig
from atlop.limits import BILINEAR_PRODUCTS, PAIRS
from atlop.model.encoder import Encoded, Encoder
from atlop.model.pairs import Contexts, Entities, Projection, pool_entities
from atlop.model.scores import GroupedBilinear
from atlop.parts import Sizes, build


@dataclass(frozen=True)
class RelationOutput:
    """What one forward pass computes: logits [P, R] in the order of ``batch.pairs``, and what they were made from."""

    logits: Tensor
    batch: Batch[Tensor]
    encoded: Encoded
    entities: Entities
    contexts: Contexts
    heads: dict[str, Any] = field(default_factory=dict)
    """The output of each optional head, by its name."""


class RelationModel(nn.Module):
    """Scores every pair of a batch against every relation and the threshold, which are ``columns``, R.

    ``transformer`` is what ``AutoModel`` returned, ``entity_types`` the number of types that the label map knows.
    """

    def __init__(self, transformer: PreTrainedModel, config: ModelConfig, columns: int, entity_types: int = 0) -> None:
        super().__init__()
        self.encoder = Encoder(transformer)
        self.sizes = sizes = Sizes(self.encoder.width, columns, entity_types, config.positive_weight)
        self.pooling: nn.Module = build("mention_pooling", config.mention_pooling, sizes)
        self.context = build("context", config.context, sizes)
        self.head = Projection(sizes.width, self.context.width, config.embedding_size)
        self.tail = Projection(sizes.width, self.context.width, config.embedding_size)
        self.bilinear = GroupedBilinear(config.embedding_size, config.block_size, columns)
        self.interaction = None if config.interaction is None else build("interaction", config.interaction, sizes)
        self.thresholding = build("thresholding", config.thresholding, sizes)
        self.heads = nn.ModuleDict({name: build("heads", name, sizes) for name in config.heads})
        self.needs: frozenset[str] = frozenset().union(*(getattr(head, "needs", ()) for head in self.heads.values()))
        self.encoder.keeps_projections = "projections" in self.needs
        self.context.keeps_sentences = "sentences" in self.needs

    def forward(self, batch: Batch[Tensor], encoded: Encoded | None = None) -> RelationOutput:
        """Encode a batch, unless ``encoded`` is given, and score its pairs."""
        encoded = self.encoder(batch) if encoded is None else encoded
        entities = pool_entities(encoded, batch, self.pooling)
        contexts = self.context(encoded, entities, batch)
        sides = self.sides(entities.embeddings, contexts.pooled)
        # In blocks, as the heads and tails [P, K] of all pairs, and their outer products, would be large.
        most = max(1, min(PAIRS, BILINEAR_PRODUCTS // self.bilinear.block**2))
        blocks = zip(batch.pairs.split(most), batch.pair_contexts.split(most), strict=True)
        logits = torch.cat([self.score(sides, *block) for block in blocks])
        logits = logits if self.interaction is None else self.interaction(logits, batch)
        output = RelationOutput(logits, batch, encoded, entities, contexts)
        return replace(output, heads={name: head(output) for name, head in self.heads.items()})

    def sides(self, embeddings: Tensor, contexts: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
        """Return the parts of heads and of tails from embeddings [E, D] and contexts [U, C]."""
        return self.head.parts(embeddings, contexts), self.tail.parts(embeddings, contexts)

    def score(self, sides: tuple[tuple[Tensor, Tensor], ...], pairs: Tensor, context: Tensor) -> Tensor:
        """Return the logits [P, R] of pairs [P, 2] of entities and the unordered pair of each, [P]."""
        head, tail = self.head(sides[0], pairs[:, 0], context), self.tail(sides[1], pairs[:, 1], context)
        logits: Tensor = self.thresholding(self.bilinear(head, tail))
        return logits

    def loss(self, output: RelationOutput, labels: Tensor, weight: Tensor | float = 1.0) -> Tensor:
        """Return the weighted mean loss over pairs, whose relations are ``labels`` [P, R], plus those of the heads."""
        loss: Tensor = weight * self.thresholding.loss(output.logits, labels)
        for name, head in self.heads.items():
            loss = loss + head.loss(output.heads[name], output)  # type: ignore[operator]
        return loss

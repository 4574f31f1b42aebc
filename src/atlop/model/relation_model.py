"""The whole of ATLOP: takes its stages and runs them in order. It holds no tokenizer and knows no relation's name."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from atlop.batches import Batch
from atlop.config import ModelConfig
from atlop.model.encoder import Encoder
from atlop.model.pairs import CONTEXTS, POOLINGS, Projection, join_parts, pool_entities
from atlop.model.scores import THRESHOLDINGS, GroupedBilinear

PAIRS_AT_ONCE = 4096
"""Ordered pairs whose head and tail [P, K] are held at one time."""


class RelationModel(nn.Module):
    """Scores every pair of a batch against every relation and the threshold.

    Args:
        transformer: the encoder that ``AutoModel`` gave.
        config: the parts to use and their sizes.
        columns: number of relations, the threshold included, R.
    """

    def __init__(self, transformer: PreTrainedModel, config: ModelConfig, columns: int) -> None:
        super().__init__()
        self.encoder = Encoder(transformer)
        self.pooling = POOLINGS[config.mention_pooling]
        self.context = CONTEXTS[config.context](self.encoder.width)
        self.head = Projection(self.encoder.width, self.context.width, config.embedding_size)
        self.tail = Projection(self.encoder.width, self.context.width, config.embedding_size)
        self.bilinear = GroupedBilinear(config.embedding_size, config.block_size, columns)
        self.thresholding = THRESHOLDINGS[config.thresholding]

    def forward(self, batch: Batch[Tensor]) -> Tensor:
        """Give logits [P, R] in the order of ``batch.pairs``."""
        encoded = self.encoder(batch)
        entities = pool_entities(encoded, batch, self.pooling)
        contexts = self.context(encoded, entities, batch)
        heads = self.head.parts(entities.embeddings, contexts)
        tails = self.tail.parts(entities.embeddings, contexts)
        scores = [
            self.bilinear(join_parts(heads, pairs[:, 0], context), join_parts(tails, pairs[:, 1], context))
            for pairs, context in zip(
                batch.pairs.split(PAIRS_AT_ONCE), batch.pair_contexts.split(PAIRS_AT_ONCE), strict=True
            )
        ]
        return self.thresholding.logits(torch.cat(scores))

    def loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Give the mean loss over pairs of logits and labels, both [P, R]."""
        return self.thresholding.loss(logits, labels)

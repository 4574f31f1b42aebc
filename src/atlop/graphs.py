"""The stages of the model as graphs, which :mod:`atlop.export` exports one by one.

Loops over windows, documents and pairs cannot be exported, so :mod:`atlop.backends.onnx` loops over the graphs.

The letters of shapes are those of :mod:`atlop.model`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from torch import Tensor, nn

from atlop.batches import Batch
from atlop.model.encoder import join_windows
from atlop.model.pairs import context_weights, pool_context, pool_entities
from atlop.model.relation_model import RelationModel

SHAPES = {
    "input_ids": "WS",
    "attention_mask": "WS",
    "row_positions": "WQ",
    "windows": "WS.",
    "rows": "W.QS",
    "token_places": "WS",
    "coverage": ".L",
    "row_places": "N",
    "row_mentions": "N",
    "row_columns": "NS",
    "mention_places": "M",
    "mention_entity": "M",
    "mention_split": "M",
    "entity_types": "E",
    "states": "L.",
    "attention": "E.L",
    "firsts": "A.L",
    "membership": "LT",
    "first": "U",
    "second": "U",
    "embeddings": "E.",
    "contexts": "U.",
    "pairs": "P.",
    "pair_contexts": "P",
    "reverse_pairs": "P",
    "logits": "P.",
}
"""The axes of the inputs of the graphs: a letter for one of any size, a dot for one that the model fixes."""


class Graph(nn.Module):
    """A stage of the model that is exported by itself; its inputs and outputs have names."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def __init__(self, model: RelationModel) -> None:
        super().__init__()
        self.model = model


class EncoderGraph(Graph):
    """From windows to their states [W, S, D] and attention rows [W, H, Q, S]."""

    inputs = ("input_ids", "attention_mask", "row_positions")
    outputs = ("windows", "rows")

    def forward(self, given: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Return the outputs."""
        states, rows, _ = self.model.encoder.transform(*(given[name] for name in self.inputs))
        return states, rows


class EntitiesGraph(Graph):
    """From all windows of a document to its states [L, D], embeddings [E, D] and attention [E, H, L]."""

    inputs = (
        *EncoderGraph.outputs,
        "token_places",
        "coverage",
        "row_places",
        "row_mentions",
        "row_columns",
        "mention_places",
        "mention_entity",
        "mention_split",
        "entity_types",
    )
    outputs = ("states", "embeddings", "attention")

    def forward(self, given: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Return the outputs."""
        batch = _batch(given, entity_counts=[given["entity_types"].shape[0]])
        encoded = join_windows(given["windows"], given["rows"], batch)
        return encoded.states[0], *pool_entities(encoded, batch, self.model.pooling)


class ContextsGraph(Graph):
    """From states and attention to the contexts of unordered pairs that begin with certain entities.

    The contexts are [U, D], and the context weights by sentence [U, T]. ``membership`` [L, T] is 1 for the sentence of
    each subword, else 0.
    """

    inputs = ("states", "membership", "firsts", "attention", "first", "second")
    outputs = ("contexts", "by_sentence")

    def forward(self, given: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Return the outputs."""
        states, membership, *attention = (given[name] for name in self.inputs)
        weights = context_weights(*attention)
        return pool_context(states, weights), pool_context(membership, weights)


class PairsGraph(Graph):
    """From the embeddings of entities and the contexts of unordered pairs to the logits [P, R] of ordered pairs."""

    inputs = ("embeddings", "contexts", "pairs", "pair_contexts")
    outputs = ("logits",)

    def forward(self, given: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Return the outputs."""
        sides = self.model.sides(given["embeddings"], given["contexts"])
        return (self.model.score(sides, given["pairs"], given["pair_contexts"]),)


class InteractionGraph(Graph):
    """From the logits [P, R] of a document's pairs, each scored by itself, to ones that depend on one another."""

    inputs = ("logits", "pairs", "reverse_pairs", "entity_types")
    outputs = ("joint",)

    def forward(self, given: dict[str, Tensor]) -> tuple[Tensor, ...]:
        """Return the outputs."""
        interaction: Any = self.model.interaction
        return (interaction(given["logits"], _batch(given)),)


def _batch(given: dict[str, Tensor], **others: Any) -> Batch[Tensor]:
    """Return a batch of one document with only the tensors that are given."""
    values: dict[str, Any] = {entry.name: given.get(entry.name) for entry in dataclasses.fields(Batch)}
    return Batch(**{**values, **others, "whole": False})

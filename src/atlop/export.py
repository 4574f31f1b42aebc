"""A model as ONNX graphs, which predict without torch.

Loops over documents and over pairs do not export, so the stages of the model become graphs of their own, and
:mod:`atlop.scorers.onnx` loops. The first goes from the windows of a document to its entities, the second to the
contexts of some pairs, the third to the logits of some pairs.

The letters of shapes are those of :mod:`atlop.model`.
"""

from __future__ import annotations

import dataclasses
import importlib
import logging
import string
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim
from transformers import PreTrainedTokenizerBase

from atlop.batches import Batch, collate
from atlop.checkpoint import Checkpoint, write_encoder
from atlop.errors import CheckpointError, MissingExtraError
from atlop.features import Features, SpecialSubwords, plan_windows
from atlop.folder import CONTEXTS_GRAPH, ENCODER, ENCODER_GRAPH, PAIRS_GRAPH, staging, write_settings
from atlop.model.pairs import NoContext, join_parts, localized_context, pool_entities
from atlop.model.relation_model import RelationModel
from atlop.model.scores import GroupedBilinear
from atlop.scorers.native import TorchScorer
from atlop.scorers.onnx import ENCODED, OnnxScorer

LARGEST_DIFFERENCE = 1e-3
"""How far a logit of an exported model may be from the model's own."""

PROBE_WINDOW = 512
"""The longest window that the exported model is tried on."""

ENCODER_INPUTS = (
    "input_ids",
    "attention_mask",
    "token_places",
    "coverage",
    "row_positions",
    "row_places",
    "row_mentions",
    "row_columns",
    "mention_places",
    "mention_entity",
    "mention_split",
)
"""The tensors of a batch that the first graph takes; beside them it takes the entities as a list of numbers."""

PAIR_TENSORS = ("pairs", "pair_contexts", "unordered_pairs", "labels")
"""Those that it does not look at."""

TALKATIVE = ("torch.onnx._internal.exporter._registration", "onnx_ir", "onnxscript.optimizer")
"""Loggers of the exporter that warn of what matters to no model here."""


class EncoderGraph(nn.Module):
    """Goes from the windows of one document to its states and entities."""

    def __init__(self, model: RelationModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, arrays: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Encode one document, given by tensors of its batch and the list of its entities.

        Returns:
            States [L, D]; embeddings [E, D] and attention [E, H, L] of the entities.
        """
        given: dict[str, Any] = {name: arrays.get(name) for name in (*ENCODER_INPUTS, *PAIR_TENSORS)}
        entities, nothing = [arrays["entities"].shape[0]], list[int]()
        counts: dict[str, Any] = {"entity_counts": entities, "pair_counts": nothing, "unordered_counts": nothing}
        batch = Batch[Tensor](**given, **counts, context_blocks=[], whole=False)
        encoded = self.model.encoder(batch)
        pooled = pool_entities(encoded, batch, self.model.pooling)
        return encoded.states[0], pooled.embeddings, pooled.attention


class ContextsGraph(nn.Module):
    """Goes from the states and the attention of one document to the contexts of some pairs."""

    def forward(self, arrays: dict[str, Tensor]) -> Tensor:
        """Give the contexts [U, D] of unordered pairs, whose first entities are counted among those of ``firsts``."""
        states, firsts, attention = arrays["states"], arrays["firsts"], arrays["attention"]
        return localized_context(states, firsts, attention, arrays["unordered_pairs"])


class PairsGraph(nn.Module):
    """Goes from the embeddings of entities and the contexts of pairs to the logits of some pairs."""

    def __init__(self, model: RelationModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, arrays: dict[str, Tensor]) -> Tensor:
        """Give the logits [P, R] of ordered pairs, whose contexts are among the given ones."""
        sides = []
        for projection, entity in zip((self.model.head, self.model.tail), arrays["pairs"].unbind(1), strict=True):
            parts = projection.parts(arrays["embeddings"], arrays["contexts"])
            sides.append(join_parts(parts, entity, arrays["pair_contexts"]))
        return self.model.thresholding.logits(_scores(self.model.bilinear, *sides))


def _scores(layer: GroupedBilinear, head: Tensor, tail: Tensor) -> Tensor:
    """Score pairs as the layer does but all at once, as its blocks of pairs do not export."""
    width, scores = layer.block, layer.linear.bias
    weights = layer.linear.weight.split(width * width, 1)
    for left, right, weight in zip(head.split(width, 1), tail.split(width, 1), weights, strict=True):
        scores = scores + (left.unsqueeze(2) * right.unsqueeze(1)).flatten(1) @ weight.T
    return scores


def export_onnx(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a model folder with graphs in place of weights, atomically, once they give the scores of the model itself.

    Args:
        checkpoint: the model, on the processor.
        folder: where to.

    Raises:
        CheckpointError: if the encoder cannot be exported.
        MissingExtraError: if onnx, onnxscript or onnxruntime is not installed.
    """
    _check_installed()
    window, config = checkpoint.model.encoder.window, checkpoint.config
    # Without the encoder itself, nobody could tell how much it reads at once.
    config = dataclasses.replace(config, window=min(window, config.window or window))
    with staging(folder) as place:
        write_settings(place, config, checkpoint.labels)
        write_encoder(checkpoint, place / ENCODER)
        with torch.no_grad(), _quiet():
            _write_graphs(checkpoint, place)
        _compare(checkpoint, OnnxScorer(place))


def _check_installed() -> None:
    try:
        for name in ("onnx", "onnxscript", "onnxruntime"):
            importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError("export to ONNX", extra="onnx") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back what the exporter says of itself."""
    loggers = [logging.getLogger(name) for name in TALKATIVE]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _write_graphs(checkpoint: Checkpoint, folder: Path) -> None:
    """Trace the graphs with a small document of which every size but the number of documents is above 1."""
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    document = example(tokenizer, length=60, window=28, entities=[[3, 40], [11], [22, 24, 50]])
    batch = collate([document], SpecialSubwords.of(tokenizer), 0).to("cpu")
    encoder = EncoderGraph(model)
    windows = {name: getattr(batch, name) for name in ENCODER_INPUTS} | {"entities": torch.arange(document.entities)}
    free = {name: [axis for axis, size in enumerate(array.shape) if size > 1] for name, array in windows.items()}
    _write_graph(encoder, windows, free, ENCODED, folder / ENCODER_GRAPH)
    states, embeddings, attention = encoder(windows)
    contexts = states.new_zeros(len(batch.unordered_pairs), model.context.width)
    if not isinstance(model.context, NoContext):
        arrays = {"states": states, "firsts": attention[:2], "attention": attention}
        arrays["unordered_pairs"] = batch.unordered_pairs
        free = {"states": [0], "firsts": [0, 2], "attention": [0, 2], "unordered_pairs": [0]}
        _write_graph(ContextsGraph(), arrays, free, ["contexts"], folder / CONTEXTS_GRAPH)
    arrays = {"embeddings": embeddings, "contexts": contexts}
    arrays |= {"pairs": batch.pairs, "pair_contexts": batch.pair_contexts}
    _write_graph(PairsGraph(model), arrays, {name: [0] for name in arrays}, ["logits"], folder / PAIRS_GRAPH)


def _write_graph(
    graph: nn.Module, arrays: dict[str, Tensor], free: dict[str, list[int]], outputs: Sequence[str], path: Path
) -> None:
    """Write one graph.

    Args:
        graph: takes the arrays.
        arrays: an example.
        free: the axes of each array that may have any size.
        outputs: names of what the graph gives.
        path: where to.

    Raises:
        CheckpointError: if torch cannot export it.
    """
    shapes = {name: dict.fromkeys(axes, Dim.DYNAMIC) for name, axes in free.items()}
    try:
        program: Any = torch.onnx.export(
            graph.eval(),
            kwargs={"arrays": arrays},
            dynamic_shapes={"arrays": shapes},
            input_names=list(arrays),
            output_names=outputs,
            dynamo=True,
            verbose=False,
        )
    except torch.onnx.errors.OnnxExporterError as error:
        told = str(error.__cause__ or error).strip().splitlines()[0]
        raise CheckpointError(f"{path.name}: torch cannot export this part of the model: {told}") from error
    program.save(path)


def example(
    tokenizer: PreTrainedTokenizerBase, *, length: int, window: int, entities: Sequence[Sequence[int]]
) -> Features:
    """Make the features of a document of nothing but letters.

    Args:
        tokenizer: gives the letters' subwords.
        length: subwords of the document.
        window: subwords of a window, of which a quarter overlap.
        entities: the places of each entity's mentions.
    """
    special = SpecialSubwords.of(tokenizer)
    letters = tokenizer(" ".join(string.ascii_lowercase), add_special_tokens=False)["input_ids"]
    inner = np.resize(letters, length - len(special.prefix) - len(special.suffix))
    numbers = range(len(entities))
    return Features(
        title="example",
        input_ids=np.concatenate([special.prefix, inner, special.suffix]).astype(np.int64),
        windows=tuple(plan_windows(length, window, special, window // 4)),
        mention_starts=np.concatenate([np.array(places, dtype=np.int64) for places in entities]),
        mention_entity=np.repeat(numbers, [len(places) for places in entities]),
        entities=len(entities),
        pairs=np.array([(head, tail) for head in numbers for tail in numbers if head != tail]),
        labels=None,
    )


def _compare(checkpoint: Checkpoint, exported: OnnxScorer) -> None:
    """Try the exported model on documents of other sizes than the one that it was traced with.

    Raises:
        CheckpointError: if its scores are not those of the model.
    """
    window = min(exported.window, PROBE_WINDOW)
    probes = [
        example(exported.tokenizer, length=9, window=window, entities=[[2], [5]]),
        example(exported.tokenizer, length=2 * window, window=window, entities=[[1], [], [window, 5], [9, window + 2]]),
    ]
    pairs = zip(TorchScorer(checkpoint).logits(probes), exported.logits(probes), strict=True)
    worst = max(float(np.abs(own - other).max()) for own, other in pairs)
    if not worst <= LARGEST_DIFFERENCE:
        problem = f"the exported scores differ from the model's by {worst:.2g}, expected at most {LARGEST_DIFFERENCE}"
        raise CheckpointError(f"encoder {type(checkpoint.model.encoder.transformer).__name__}: {problem}")

"""Export a model to ONNX graphs, which predict without torch.

Loops over windows, documents and pairs cannot be exported, so each stage of the model becomes a graph, and
:mod:`atlop.backends.onnx` loops over them.

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

from atlop.ablations import NoContext
from atlop.backends.onnx import OnnxBackend
from atlop.backends.pytorch import TorchBackend
from atlop.batches import Batch, collate
from atlop.checkpoint import Checkpoint, write_encoder
from atlop.errors import CheckpointError, MissingExtraError
from atlop.features import Features, SpecialSubwords, plan_windows
from atlop.folder import CONTEXTS_GRAPH, ENCODER, ENCODER_GRAPH, ENTITIES_GRAPH, PAIRS_GRAPH, staging, write_settings
from atlop.model.encoder import join_windows
from atlop.model.pairs import context_weights, pool_context, pool_entities
from atlop.model.relation_model import RelationModel

LARGEST_DIFFERENCE = 1e-3
"""The largest difference allowed between a logit of an exported model and the model's own."""

SENTENCE = 5
"""Subwords of a sentence of the documents that the graphs are traced with and compared on."""

PROBE_WINDOW = 512
"""The longest window on which an exported model is compared."""

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
}
"""The axes of the inputs of the graphs: a letter for one of any size, a dot for one that the model fixes."""

TALKATIVE = ("torch.onnx._internal.exporter._registration", "onnx_ir", "onnxscript.optimizer")
"""Loggers of the exporter whose warnings matter to no model here."""


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


def _batch(given: dict[str, Tensor], **others: Any) -> Batch[Tensor]:
    """Return a batch of one document that holds those of its tensors that are given."""
    values: dict[str, Any] = {entry.name: given.get(entry.name) for entry in dataclasses.fields(Batch)}
    return Batch(**{**values, **others, "whole": False})


def export_onnx(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a model folder with graphs in place of weights, once they compute the same logits as the model.

    Args:
        checkpoint: the model, on the CPU.
        folder: the folder to write.

    Raises:
        CheckpointError: if the encoder cannot be exported.
        MissingExtraError: if onnx, onnxscript or onnxruntime is not installed.
    """
    _check_installed()
    window, config = checkpoint.model.encoder.window, checkpoint.config
    # The window cannot be found out without the encoder's weights.
    config = dataclasses.replace(config, window=min(window, config.window or window))
    with staging(folder) as place:
        write_settings(place, config, checkpoint.labels, checkpoint.calibration)
        write_encoder(checkpoint, place / ENCODER)
        with torch.no_grad(), _quiet():
            _write_graphs(checkpoint, place)
        _compare(TorchBackend(checkpoint, precision="fp32"), OnnxBackend(place))


def _check_installed() -> None:
    try:
        for name in ("onnx", "onnxscript", "onnxruntime"):
            importlib.import_module(name)
    except ImportError as error:
        raise MissingExtraError("export to ONNX", extra="onnx") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Suppress the messages of the exporter."""
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
    """Trace the graphs with a small document, of which every size but the number of documents is above 1."""
    model, tokenizer = checkpoint.model, checkpoint.tokenizer
    document = example(tokenizer, length=60, window=28, entities=[[3, 40], [11], [22, 24, 50]])
    batch = collate([document], SpecialSubwords.of(tokenizer), 0).to("cpu")
    known = dict(vars(batch))
    known |= _write_graph(EncoderGraph(model), known, folder / ENCODER_GRAPH)
    known |= _write_graph(EntitiesGraph(model), known, folder / ENTITIES_GRAPH)
    known |= {"firsts": known["attention"][:2]}
    known |= {"membership": (batch.sentences[0][:, None] == torch.arange(batch.most_sentences)).float()}
    known |= {"first": batch.unordered_pairs[:, 0].clamp(max=1), "second": batch.unordered_pairs[:, 1]}
    if isinstance(model.context, NoContext):
        known["contexts"] = batch.unordered_pairs.new_zeros(len(batch.unordered_pairs), 0, dtype=torch.float32)
    else:
        known |= _write_graph(ContextsGraph(model), known, folder / CONTEXTS_GRAPH)
    _write_graph(PairsGraph(model), known, folder / PAIRS_GRAPH)


def _write_graph(graph: Graph, known: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Write one graph, traced with an example of its inputs, and return its outputs.

    Raises:
        CheckpointError: if torch cannot export it.
    """
    given = {name: known[name] for name in graph.inputs}
    free = {name: {axis: Dim.DYNAMIC for axis, size in enumerate(SHAPES[name]) if size != "."} for name in given}
    try:
        program: Any = torch.onnx.export(
            graph.eval(),
            kwargs={"given": given},
            dynamic_shapes={"given": free},
            input_names=graph.inputs,
            output_names=graph.outputs,
            dynamo=True,
            verbose=False,
        )
    except torch.onnx.errors.OnnxExporterError as error:
        first = str(error.__cause__ or error).strip().splitlines()[0]
        raise CheckpointError(f"{path.name}: torch cannot export this part of the model: {first}") from error
    program.save(path)
    return dict(zip(graph.outputs, graph(given), strict=True))


def example(
    tokenizer: PreTrainedTokenizerBase, *, length: int, window: int, entities: Sequence[Sequence[int]]
) -> Features:
    """Return the features of a document that consists of single letters.

    Args:
        tokenizer: tokenizes the letters.
        length: subwords of the document.
        window: subwords of a window, of which a quarter overlap.
        entities: the positions of each entity's mentions.
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
        entity_types=np.zeros(len(entities), dtype=np.int64),
        sentences=np.arange(length) // SENTENCE,
        words=np.arange(length),
        pairs=np.array([(head, tail) for head in numbers for tail in numbers if head != tail]),
        labels=None,
    )


def _compare(plain: TorchBackend, exported: OnnxBackend) -> None:
    """Compare the exported model on documents of other sizes than the one that it was traced with.

    Raises:
        CheckpointError: if its logits differ from the model's.
    """
    window = min(exported.window, PROBE_WINDOW)
    probes = [
        example(exported.tokenizer, length=9, window=window, entities=[[2], [5]]),
        example(exported.tokenizer, length=2 * window, window=window, entities=[[1], [], [window, 5], [9, window + 2]]),
    ]
    own, other = (list(backend.scores([[probe] for probe in probes])) for backend in (plain, exported))
    worst = max(float(np.abs(a.logits - b.logits).max()) for (a,), (b,) in zip(own, other, strict=True))
    if not worst <= LARGEST_DIFFERENCE:
        problem = f"the exported logits differ from the model's by {worst:.2g}, expected at most {LARGEST_DIFFERENCE}"
        raise CheckpointError(f"encoder {type(plain.model.encoder.transformer).__name__}: {problem}")

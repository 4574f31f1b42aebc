"""Export a model to ONNX graphs, which predict without torch.

The graphs are those of :mod:`atlop.graphs`; :mod:`atlop.backends.onnx` runs them.
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
from torch import Tensor
from torch.export import Dim
from transformers import PreTrainedTokenizerBase

from atlop.ablations import NoContext
from atlop.backends.onnx import OnnxBackend
from atlop.backends.pytorch import TorchBackend
from atlop.batches import collate
from atlop.checkpoint import Checkpoint, write_encoder
from atlop.errors import CheckpointError, MissingExtraError, reason
from atlop.features import Features
from atlop.folder import (
    CONTEXTS_GRAPH,
    ENCODER,
    ENCODER_GRAPH,
    ENTITIES_GRAPH,
    INTERACTION_GRAPH,
    PAIRS_GRAPH,
    staging,
    write_settings,
)
from atlop.graphs import SHAPES, ContextsGraph, EncoderGraph, EntitiesGraph, Graph, InteractionGraph, PairsGraph
from atlop.windows import SpecialSubwords, plan_windows

LARGEST_DIFFERENCE = 1e-3
"""The largest difference allowed between a logit of an exported model and the model's own."""

SENTENCE = 5
"""Subwords of a sentence of the documents that the graphs are traced with and compared on."""

PROBE_WINDOW = 512
"""The longest window on which an exported model is compared."""

TALKATIVE = ("torch.onnx._internal.exporter._registration", "onnx_ir", "onnxscript.optimizer")
"""Loggers of the exporter whose warnings matter to no model here."""


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
    # The window cannot be determined without the encoder itself.
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
    known |= _write_graph(PairsGraph(model), known, folder / PAIRS_GRAPH)
    if model.interaction is not None:
        _write_graph(InteractionGraph(model), known, folder / INTERACTION_GRAPH)


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
        cause = error.__cause__ or error
        first, *_ = str(cause).strip().splitlines() or [reason(cause)]
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
        shapes=np.zeros(length, dtype=np.int64),
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

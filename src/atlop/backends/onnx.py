"""Scores documents with the graphs of an exported model, on onnxruntime and without torch.

The letters of shapes are those of :mod:`atlop.model`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from atlop.backends import PairOutput
from atlop.batches import Batch, collate
from atlop.errors import AtlopError, CheckpointError, MissingExtraError, reason
from atlop.features import Features
from atlop.folder import (
    CONTEXTS_GRAPH,
    ENCODER,
    ENCODER_GRAPH,
    ENTITIES_GRAPH,
    INTERACTION_GRAPH,
    PAIRS_GRAPH,
    SETTINGS,
    load_calibration,
    load_config,
    load_labels,
    load_tokenizer,
)
from atlop.limits import EXPORTED_PAIRS
from atlop.windows import SpecialSubwords

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Arrays = dict[str, NDArray[Any]]


class OnnxBackend:
    """Runs an exported model on a CPU.

    Args:
        folder: a model folder that ``atlop export`` wrote.

    Raises:
        CheckpointError: if a file is missing or broken, or the files do not fit together.
        MissingExtraError: if onnxruntime is not installed.
    """

    def __init__(self, folder: Path) -> None:
        self.config, self.labels, self.calibration = load_config(folder), load_labels(folder), load_calibration(folder)
        if self.config.window is None:
            expected = "expected a number, as every export has one"
            raise CheckpointError(f"{folder / SETTINGS}: model.window: got null, {expected}")
        # One document a batch, in fp32.
        self.window, self.batch_subwords, self.precision = self.config.window, 1, "fp32"
        self._encoder, self._pairs = _open(folder / ENCODER_GRAPH), _open(folder / PAIRS_GRAPH)
        # In onnxruntime's ScatterND, threads that add to one row at once lose part of the sum.
        self._entities = _open(folder / ENTITIES_GRAPH, threads=1)
        self._contexts = None if self.config.context == "none" else _open(folder / CONTEXTS_GRAPH)
        self._interaction = None if self.config.interaction is None else _open(folder / INTERACTION_GRAPH)
        columns = self._pairs.get_outputs()[0].shape[1]
        if columns != len(self.labels):
            problem = f"scores {columns} columns, but the label map has {len(self.labels)}"
            raise CheckpointError(f"{folder / PAIRS_GRAPH}: {problem}")
        # Without torch, transformers warns that it cannot load models.
        logging.getLogger("transformers").addFilter(_is_no_advice)
        self.tokenizer = load_tokenizer(folder / ENCODER)
        self.special = SpecialSubwords.of(self.tokenizer)

    def scores(self, batches: Iterable[Sequence[Features]]) -> Iterator[list[PairOutput]]:
        """Yield the logits and the evidence of the documents of each batch, in the same order."""
        padding = self.tokenizer.pad_token_id or 0
        for features in batches:
            yield [self._document(collate([document], self.special, padding)) for document in features]

    def _document(self, batch: Batch[NDArray[Any]]) -> PairOutput:
        """Score one document, its pairs in blocks."""
        entities = self._encode(batch)
        contexts, evidence = self._contexts_of(entities, batch)
        order = np.argsort(batch.pair_contexts, kind="stable")
        sorted_contexts = batch.pair_contexts[order]
        logits = np.empty((len(order), len(self.labels)), dtype=np.float32)
        for start in range(0, len(contexts), EXPORTED_PAIRS):
            stop = start + EXPORTED_PAIRS
            rows = order[slice(*np.searchsorted(sorted_contexts, (start, stop)))]
            block = {"pairs": batch.pairs[rows], "pair_contexts": batch.pair_contexts[rows] - start}
            logits[rows] = _run(self._pairs, {**entities, **block, "contexts": contexts[start:stop]})["logits"]
        joint = logits if self._interaction is None else self._joint(logits, batch)
        if evidence is None or "evidence" not in self.config.heads:
            return PairOutput(joint, None)
        return PairOutput(joint, evidence[batch.pair_contexts])

    def _joint(self, logits: NDArray[np.float32], batch: Batch[NDArray[Any]]) -> NDArray[np.float32]:
        """Return logits [P, R] that depend on one another from those of each pair by itself."""
        joint: NDArray[np.float32] = _run(self._interaction, {**vars(batch), "logits": logits})["joint"]
        return joint

    def _encode(self, batch: Batch[NDArray[Any]]) -> Arrays:
        """Return the states of a document and the embeddings and attention of its entities, window by window."""
        given = {part.name: vars(batch)[part.name] for part in self._encoder.get_inputs()}
        windows = [
            _run(self._encoder, {name: array[window : window + 1] for name, array in given.items()})
            for window in range(len(batch.input_ids))
        ]
        joined = {name: np.concatenate([window[name] for window in windows]) for name in windows[0]}
        return _run(self._entities, {**vars(batch), **joined})

    def _contexts_of(
        self, entities: Arrays, batch: Batch[NDArray[Any]]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """Return the contexts [U, D] of the unordered pairs and their weights by sentence, [U, T].

        A model without contexts has [U, 0] and no weights.
        """
        if self._contexts is None:
            return np.zeros((len(batch.unordered_pairs), 0), dtype=np.float32), None
        membership = batch.sentences[0][:, None] == np.arange(batch.most_sentences)
        given, found = {**entities, "membership": membership.astype(np.float32)}, []
        for _, start, stop, first, last in batch.context_blocks:
            pairs, firsts = batch.unordered_pairs[start:stop], entities["attention"][first:last]
            block = {"firsts": firsts, "first": pairs[:, 0] - first, "second": pairs[:, 1]}
            found.append(_run(self._contexts, {**given, **block}))
        contexts, evidence = (np.concatenate([part[name] for part in found]) for name in ("contexts", "by_sentence"))
        return contexts, evidence


def _open(path: Path, *, threads: int = 0) -> InferenceSession:
    """Load a graph to run on a number of threads, 0 for one for each core."""
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError("an exported model", extra="onnx") from error
    if not path.exists():
        raise CheckpointError(f"{path}: no such file, expected one in every exported model")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # The threads of one graph would otherwise keep the processor busy while another runs.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    # The errors of onnxruntime have no other common base.
    except Exception as error:
        raise CheckpointError(f"{path}: onnxruntime cannot load the graph: {reason(error)}") from error


def _run(session: InferenceSession, arrays: Arrays) -> Arrays:
    """Run a graph on those of the arrays that it takes; inputs and outputs go by name."""
    outputs = [part.name for part in session.get_outputs()]
    taken = {part.name: arrays[part.name] for part in session.get_inputs()}
    return dict(zip(outputs, session.run(outputs, taken), strict=True))


def _is_no_advice(record: logging.LogRecord) -> bool:
    return "PyTorch was not found" not in record.getMessage()


def check_options(device: str, precision: str) -> None:
    """Refuse devices and precisions that an exported model does not support.

    Raises:
        AtlopError: if the device is not a CPU or the precision is not fp32.
    """
    if device not in ("auto", "cpu"):
        raise AtlopError(f"device: got {device!r}, expected auto or cpu, as an exported model runs on a CPU")
    if precision not in ("auto", "fp32"):
        raise AtlopError(f"precision: got {precision!r}, expected auto or fp32, which an exported model computes in")

"""Scores documents with torch."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from atlop import kernels
from atlop.backends import Item, PairOutput, Reading, Result
from atlop.backends.devices import choose_precision
from atlop.backends.workers import Workers
from atlop.batches import Batch, collate
from atlop.checkpoint import Checkpoint
from atlop.config import READERS, ModelConfig
from atlop.features import Features
from atlop.heads.entities import Entities
from atlop.heads.mentions import Mentions
from atlop.heads.rows import with_mentions
from atlop.labels import LabelMap
from atlop.limits import CPU_BATCH, GPU_BATCH
from atlop.model.relation_model import RelationModel, RelationOutput
from atlop.names import Names
from atlop.windows import SpecialSubwords

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""The dtype of the weights at each precision."""


class TorchBackend:
    """Runs a checkpoint's model.

    Args:
        checkpoint: a model with its label map and tokenizer.
        device: where to compute.
        precision: ``auto``, ``fp32`` or ``bf16``.

    Raises:
        AtlopError: if the device lacks the precision.
    """

    def __init__(self, checkpoint: Checkpoint, *, device: torch.device | str = "cpu", precision: str = "fp32") -> None:
        self.device = torch.device(device)
        self.precision = choose_precision(precision, self.device)
        self.config: ModelConfig = checkpoint.config
        self.labels: LabelMap = checkpoint.labels
        self.calibration = checkpoint.calibration
        self.tokenizer: PreTrainedTokenizerBase = checkpoint.tokenizer
        self.special = SpecialSubwords.of(checkpoint.tokenizer)
        self.window = checkpoint.model.encoder.window
        self.batch_subwords = CPU_BATCH if self.device.type == "cpu" else GPU_BATCH
        self._workers = Workers() if self.device.type == "cpu" else None
        dtype = DTYPES[self.precision]
        model = converted(checkpoint.model, self.device, dtype)
        if self._workers is None:
            self.model = kernels.optimize(model, self.device, dtype, training=False)
        else:
            # In a worker, so that kernels are timed on the threads on which they will run.
            self.model = self._workers.run(lambda: kernels.optimize(model, self.device, dtype, training=False))
        # The heads that find entities run only on request; scoring pairs needs neither.
        self._readers = {name: self.model.heads.pop(name) for name in READERS if name in self.model.heads}

    def scores(self, batches: Iterable[Sequence[Features]]) -> Iterator[list[PairOutput]]:
        """Yield the logits and the evidence of the documents of each batch, in the same order."""
        return self.map(self._scores, batches, alone=self._is_large)

    def map(
        self,
        function: Callable[[Sequence[Item]], Result],
        batches: Iterable[Sequence[Item]],
        *,
        alone: Callable[[Sequence[Item]], bool] = lambda batch: False,
    ) -> Iterator[Result]:
        """Yield what a function of batches returns for each, in the same order; on a CPU several at the same time.

        Args:
            function: what to call.
            batches: what to call it with.
            alone: returns whether a batch is so large that all threads should work on it.
        """
        if self._workers is None:
            return map(function, batches)
        return self._workers.map(function, batches, alone=alone)

    def _is_large(self, features: Sequence[Features]) -> bool:
        return max(len(document.input_ids) for document in features) > self.batch_subwords

    def _collate(self, features: Sequence[Features]) -> Batch[Tensor]:
        return collate(features, self.special, self.tokenizer.pad_token_id or 0).to(self.device)

    def _scores(self, features: Sequence[Features]) -> list[PairOutput]:
        batch = self._collate(features)
        with torch.inference_mode():
            return _pair_outputs(self.model(batch), features)

    def read(self, features: Sequence[Features]) -> Reading:
        """Encode documents and tag their words; the model must have the head ``mentions``."""
        batch = self._collate(features)
        with torch.inference_mode():
            encoded = self.model.encoder(batch)
            head = cast(Mentions, self._readers["mentions"])
            tags = head.tag(encoded.states, batch.shapes).float().cpu()
        lengths = (len(document.input_ids) for document in features)
        return Reading(encoded, [rows[:length].numpy() for rows, length in zip(tags, lengths, strict=True)])

    def pool(self, reading: Reading, features: Sequence[Features]) -> list[NDArray[np.float32]]:
        """Return the mean state of each name of documents that were read, [X, D]; the features must have names."""
        names = cast("Names[Tensor]", self._collate(features).names)
        counts = [0 if document.names is None else len(document.names.types) for document in features]
        with torch.inference_mode():
            pooled = Entities.pool(reading.encoded.states, names)
        return [part.numpy() for part in pooled.float().cpu().split(counts)]

    def compare(self, pooled: NDArray[np.float32], names: Names[NDArray[Any]]) -> NDArray[np.float32]:
        """Return the scores of the pairs of names of one document, [Y]; the model must have the head ``entities``."""
        head = cast(Entities, self._readers["entities"])
        with torch.inference_mode():
            given = torch.as_tensor(pooled, device=self.device, dtype=DTYPES[self.precision])
            scores: NDArray[np.float32] = head.compare(given, names.to(self.device)).float().cpu().numpy()
        return scores

    def relate(self, reading: Reading, features: Sequence[Features]) -> list[PairOutput]:
        """Return what is computed for the pairs of documents that were read, whose entities are known now."""
        batch = self._collate(features)
        with torch.inference_mode():
            return _pair_outputs(self.model(batch, with_mentions(reading.encoded, batch)), features)


def _pair_outputs(output: RelationOutput, features: Sequence[Features]) -> list[PairOutput]:
    """Return what was computed for the pairs of each document of a batch."""
    counts = output.batch.pair_counts
    logits = output.logits.float().cpu().split(counts)
    # The contexts of a model that was not trained on evidence point to other sentences too often.
    weights = output.heads.get("evidence")
    if weights is None:
        return [PairOutput(part.numpy(), None) for part in logits]
    parts = zip(logits, weights.float().cpu().split(counts), features, strict=True)
    return [PairOutput(part.numpy(), rows[:, : f.sentence_count].numpy()) for part, rows, f in parts]


def converted(model: RelationModel, device: torch.device, dtype: torch.dtype) -> RelationModel:
    """Return a copy of a model for prediction, on a device and in a dtype; what does not change is shared."""
    shared = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}
    copied = copy.deepcopy(model, shared).eval()
    for module in copied.modules():
        for name, weight in module.named_parameters(recurse=False):
            found = weight.detach().to(device, dtype if weight.is_floating_point() else None)
            setattr(module, name, nn.Parameter(found, requires_grad=False))
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.to(device))
    return copied

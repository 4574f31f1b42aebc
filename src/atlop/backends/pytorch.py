"""Scores documents with torch."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import nn
from transformers import PreTrainedTokenizerBase

from atlop import kernels
from atlop.backends import PairOutput
from atlop.backends.devices import choose_precision
from atlop.backends.workers import Workers
from atlop.batches import collate
from atlop.checkpoint import Checkpoint
from atlop.config import ModelConfig
from atlop.features import Features, SpecialSubwords
from atlop.labels import LabelMap
from atlop.limits import CPU_BATCH, GPU_BATCH
from atlop.model.relation_model import RelationModel

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
        self.all_documents = "all_documents" in checkpoint.model.needs
        self.batch_subwords = CPU_BATCH if self.device.type == "cpu" else GPU_BATCH
        self._workers = Workers() if self.device.type == "cpu" else None
        dtype = DTYPES[self.precision]
        model = converted(checkpoint.model, self.device, dtype)
        if self._workers is None:
            self.model = kernels.optimize(model, self.device, dtype, training=False)
        else:
            # In a worker, so that kernels are timed on the threads on which they will run.
            self.model = self._workers.run(lambda: kernels.optimize(model, self.device, dtype, training=False))

    def scores(self, batches: Iterable[Sequence[Features]]) -> Iterator[list[PairOutput]]:
        """Yield the logits and the evidence of the documents of each batch, in the same order."""
        if self._workers is None:
            return map(self._scores, batches)
        return self._workers.map(self._scores, batches, alone=self._is_large)

    def _is_large(self, features: Sequence[Features]) -> bool:
        return max(len(document.input_ids) for document in features) > self.batch_subwords

    def _scores(self, features: Sequence[Features]) -> list[PairOutput]:
        batch = collate(features, self.special, self.tokenizer.pad_token_id or 0).to(self.device)
        with torch.inference_mode():
            output = self.model(batch)
            logits = output.logits.float().cpu().split(batch.pair_counts)
            # The contexts of a model that was not trained on evidence point to other sentences too often.
            weights = output.heads.get("evidence")
            if weights is None:
                return [PairOutput(part.numpy(), None) for part in logits]
            evidence = weights.float().cpu().split(batch.pair_counts)
        parts = zip(logits, evidence, features, strict=True)
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

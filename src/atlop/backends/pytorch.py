"""Scores documents with torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedTokenizerBase

from atlop.backends.predicting import choose_precision, predicting
from atlop.batches import collate
from atlop.checkpoint import Checkpoint
from atlop.config import ModelConfig
from atlop.errors import AtlopError
from atlop.features import Features, SpecialSubwords
from atlop.labels import LabelMap

CPU_SUBWORDS_AT_ONCE = 1024
"""For each thread; small, so that a batch stays in the cache of a processor."""

SUBWORDS_AT_ONCE = 16384
"""Enough to keep any other device busy."""


class TorchBackend:
    """Runs a checkpoint's model.

    Args:
        checkpoint: a model with its labels and tokenizer.
        device: where to compute.
        precision: one of :data:`atlop.backends.PRECISIONS`.

    Raises:
        AtlopError: if the device cannot compute in the precision.
    """

    def __init__(self, checkpoint: Checkpoint, *, device: torch.device | str = "cpu", precision: str = "fp32") -> None:
        self.device = torch.device(device)
        self.precision = choose_precision(precision, self.device)
        self.config: ModelConfig = checkpoint.config
        self.labels: LabelMap = checkpoint.labels
        self.tokenizer: PreTrainedTokenizerBase = checkpoint.tokenizer
        # The checkpoint's own model is not kept: where nobody else does, its memory is free.
        self.model = predicting(checkpoint.model, self.device, self.precision)
        self.special = SpecialSubwords.of(checkpoint.tokenizer)

    @property
    def window(self) -> int:
        """The most subwords that the encoder reads at once."""
        return self.model.encoder.window

    @property
    def subwords_at_once(self) -> int:
        """Subwords that one call is best given, padding counted, unless a single document has more."""
        return CPU_SUBWORDS_AT_ONCE * torch.get_num_threads() if self.device.type == "cpu" else SUBWORDS_AT_ONCE

    def logits(self, features: Sequence[Features]) -> list[NDArray[np.float32]]:
        """Give the logits [P, R] of each document."""
        batch = collate(features, self.special, self.tokenizer.pad_token_id or 0).to(self.device)
        with torch.inference_mode():
            logits = self.model(batch).float().cpu()
        return [part.numpy() for part in logits.split(batch.pair_counts)]


def choose_device(name: str = "auto") -> torch.device:
    """Give the device of a name; ``auto`` takes a GPU where there is one.

    Raises:
        AtlopError: if the machine has no such device.
    """
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(kind for kind, there in available.items() if there)
    if not available.get(name, False):
        known = ", ".join(["auto", *(kind for kind, there in available.items() if there)])
        raise AtlopError(f"device: got {name!r}, expected one of {known}, which this machine has")
    return torch.device(name)

"""What turns the features of documents into logits: torch itself, or an exported model.

A module for each library that computes; only the one that is needed is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from atlop.config import ModelConfig
from atlop.errors import AtlopError, CheckpointError
from atlop.features import Features
from atlop.folder import ENCODER_GRAPH
from atlop.labels import LabelMap

PRECISIONS = ("auto", "fp32", "bf16", "int8")
"""Number formats of the multiplications; ``auto`` takes bf16 where the processor multiplies in it, else fp32."""

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class Backend(Protocol):
    """A model that is ready to score documents."""

    @property
    def config(self) -> ModelConfig:
        """The parts and sizes of the model."""

    @property
    def labels(self) -> LabelMap:
        """The relations of the columns."""

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """What cuts words into the subwords of the encoder."""

    @property
    def window(self) -> int:
        """The most subwords that the encoder reads at once."""

    @property
    def subwords_at_once(self) -> int:
        """Subwords that one call is best given, padding counted, unless a single document has more."""

    def logits(self, features: Sequence[Features]) -> list[NDArray[np.float32]]:
        """Give the logits [P, R] of each document, of which at least one is given and each has a pair."""


def load_backend(folder: Path, *, device: str, precision: str) -> Backend:
    """Load the model of a folder.

    Args:
        folder: a model folder.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: one of :data:`PRECISIONS`.

    Raises:
        AtlopError: if there is no such device or precision.
        CheckpointError: if the model cannot be loaded.
    """
    if precision not in PRECISIONS:
        raise AtlopError(f"precision: got {precision!r}, expected one of {', '.join(PRECISIONS)}")
    if (folder / ENCODER_GRAPH).exists():
        from atlop.backends.onnx import OnnxBackend, check_options

        check_options(device, precision)
        return OnnxBackend(folder)
    if find_spec("torch") is None:
        raise CheckpointError(f"{folder}: needs torch, which is not installed; install it, or predict with an export")
    from atlop.backends.pytorch import TorchBackend, choose_device
    from atlop.checkpoint import load

    return TorchBackend(load(folder), device=choose_device(device), precision=precision)

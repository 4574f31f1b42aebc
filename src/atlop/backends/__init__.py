"""What turns the features of documents into logits: torch itself, or an exported model.

There is a module for each library that computes; only the one that is needed is imported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from atlop.calibration import Calibration
from atlop.config import ModelConfig
from atlop.errors import AtlopError, CheckpointError
from atlop.features import Features
from atlop.folder import ENCODER_GRAPH
from atlop.labels import LabelMap
from atlop.names import Names

PRECISIONS = ("auto", "fp32", "bf16")
"""Precisions to predict in; ``auto`` is bf16 where the device multiplies in it, else fp32."""

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


Item = TypeVar("Item")
Result = TypeVar("Result")


class PairOutput(NamedTuple):
    """What a model computes for the pairs of one document."""

    logits: NDArray[np.float32]
    """[P, R]."""
    evidence: NDArray[np.float32] | None
    """Context weights by sentence, [P, T]; ``None`` for a model that was not trained on evidence."""


class Reading(NamedTuple):
    """What an encoder made of the documents of a batch, kept until their entities are known."""

    encoded: Any
    """States and attention, as the backend holds them."""
    tags: list[NDArray[np.float32]]
    """Logits of the tags of mentions for each document, [L, G]."""


class Backend(Protocol):
    """A model that is ready to score documents."""

    config: ModelConfig
    """The parts and sizes of the model."""
    labels: LabelMap
    """The relations of the columns."""
    calibration: Calibration
    """Where relations are cut off, and the confidence of margins."""
    tokenizer: PreTrainedTokenizerBase
    """Cuts words into the subwords of the encoder."""
    window: int
    """The most subwords that the encoder reads at once."""
    precision: str
    """What it multiplies in, ``fp32`` or ``bf16``."""
    batch_subwords: int
    """Subwords of a batch, padding included; a single document may have more."""

    def scores(self, batches: Iterable[Sequence[Features]]) -> Iterator[list[PairOutput]]:
        """Yield what is computed for the documents of each batch, in the same order; no batch is empty."""


@runtime_checkable
class ReadingBackend(Backend, Protocol):
    """A model that can also find the entities of the documents that it scores."""

    def map(self, function: Callable[[Sequence[Item]], Result], batches: Iterable[Sequence[Item]]) -> Iterator[Result]:
        """Yield what a function of batches returns for each, in the same order, several of them at the same time."""

    def read(self, features: Sequence[Features]) -> Reading:
        """Encode documents and tag their words; the model must have the heads for it."""

    def pool(self, reading: Reading, features: Sequence[Features]) -> list[NDArray[np.float32]]:
        """Return the mean state of each name of documents that were read, [X, D]; the features must have names."""

    def compare(self, pooled: NDArray[np.float32], names: Names[NDArray[Any]]) -> NDArray[np.float32]:
        """Return the scores of the pairs of names of one document, [Y], from the mean states of the names."""

    def relate(self, reading: Reading, features: Sequence[Features]) -> list[PairOutput]:
        """Return what is computed for the pairs of documents that were read; the features must have entities."""


def load_backend(folder: Path, *, device: str, precision: str) -> Backend:
    """Load the model of a folder.

    Args:
        folder: a model folder.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: one of :data:`PRECISIONS`.

    Raises:
        AtlopError: if the machine lacks the device, or the device lacks the precision.
        CheckpointError: if the model cannot be loaded.
    """
    if precision not in PRECISIONS:
        raise AtlopError(f"precision: got {precision!r}, expected one of {', '.join(PRECISIONS)}")
    if (folder / ENCODER_GRAPH).exists():
        from atlop.backends.onnx import OnnxBackend, check_options

        check_options(device, precision)
        return OnnxBackend(folder)
    if find_spec("torch") is None:
        problem = "needs torch, which is not installed; install it, or use a model that `atlop export` wrote"
        raise CheckpointError(f"{folder}: {problem}")
    from atlop.backends.devices import choose_device, choose_precision
    from atlop.backends.pytorch import TorchBackend
    from atlop.checkpoint import load

    target = choose_device(device)
    # Before the model is loaded, so that an error comes at once.
    chosen = choose_precision(precision, target)
    return TorchBackend(load(folder), device=target, precision=chosen)

"""Documents in, documents with scored relations out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from atlop.batches import collate
from atlop.checkpoint import Checkpoint
from atlop.checkpoint import load as load_checkpoint
from atlop.documents import Document, Relation
from atlop.errors import AtlopError, CheckpointError
from atlop.features import Features, Featurizer
from atlop.model.scores import decide, lead

DOCUMENTS_AT_ONCE = 64
"""Documents read ahead and sorted by length, so that those of one batch are about equally long."""

SUBWORDS_AT_ONCE = 4096
"""Subwords of one batch, padding counted, unless a single document has more."""


@dataclass(frozen=True)
class PairScores:
    """What the model says of every pair of one document."""

    title: str
    """Title of the document."""
    pairs: NDArray[np.int64]
    """Head and tail entity, [P, 2]: the document's candidates where it lists them, else all ordered pairs."""
    logits: NDArray[np.float32]
    """Raw logits, [P, R]; column 0 is the threshold."""


class RelationExtractor:
    """Finds the relations between the entities of documents.

    Args:
        checkpoint: a model with its labels and tokenizer.
        device: where to compute.
        precision: number format of the multiplications, ``fp32`` or ``bf16``.
    """

    def __init__(self, checkpoint: Checkpoint, *, device: torch.device | str = "cpu", precision: str = "fp32") -> None:
        self.checkpoint, self.device, self.precision = checkpoint, torch.device(device), precision
        self.model = checkpoint.model.to(self.device)
        self.featurizer = Featurizer(checkpoint.tokenizer, checkpoint.config, self.model.encoder.window)

    def predict(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Give each document with the relations that the model finds in place of its own, in the same order.

        Confidence is sigmoid((logit - threshold logit + offset) / temperature); a relation is given if it is above one
        half and among the best ``max_labels`` of its pair.

        Raises:
            CheckpointError: if the model gives scores that are not numbers.
        """
        for chunk in _chunks(documents):
            for document, scores in zip(chunk, self._score(chunk), strict=True):
                yield document.with_relations(self.relations(scores))

    def scores(self, documents: Iterable[Document]) -> Iterator[PairScores]:
        """Give the raw scores of every pair of each document, in the same order.

        Raises:
            CheckpointError: if the model gives scores that are not numbers.
        """
        for chunk in _chunks(documents):
            yield from self._score(chunk)

    def relations(self, scores: PairScores) -> tuple[Relation, ...]:
        """Decide which relations the scores of one document amount to."""
        config, labels = self.checkpoint.config, self.checkpoint.labels
        logits = torch.from_numpy(scores.logits)
        chosen = decide(logits, config.max_labels, config.threshold_offset)[:, 1:]
        confidence = torch.sigmoid(lead(logits, config.threshold_offset) / config.temperature)
        rows, columns = (side.tolist() for side in chosen.nonzero(as_tuple=True))
        pairs, sure = scores.pairs[rows].tolist(), confidence[:, 1:][chosen].tolist()
        return tuple(
            Relation(head, tail, labels.relation(column + 1), confidence=value)
            for (head, tail), column, value in zip(pairs, columns, sure, strict=True)
        )

    def _score(self, documents: list[Document]) -> list[PairScores]:
        features = [self.featurizer(document) for document in documents]
        logits: list[NDArray[np.float32]] = [np.zeros((0, len(self.checkpoint.labels)), np.float32)] * len(features)
        for group in _groups(features):
            for place, rows in zip(group, self._logits([features[place] for place in group]), strict=True):
                logits[place] = rows
        scores = [PairScores(f.title, f.pairs, rows) for f, rows in zip(features, logits, strict=True)]
        for score in scores:
            if not np.isfinite(score.logits).all():
                raise CheckpointError(f"document {score.title!r}: the model gave scores that are not numbers")
        return scores

    def _logits(self, features: list[Features]) -> list[NDArray[np.float32]]:
        padding = self.checkpoint.tokenizer.pad_token_id or 0
        batch = collate(features, self.featurizer.special, padding).to(self.device)
        self.model.eval()
        reduced = self.precision != "fp32"
        with torch.inference_mode(), torch.autocast(self.device.type, torch.bfloat16, enabled=reduced):
            logits = self.model(batch).float().cpu()
        return [part.numpy() for part in logits.split(batch.pair_counts)]


def _chunks(documents: Iterable[Document]) -> Iterator[list[Document]]:
    remaining = iter(documents)
    while chunk := list(islice(remaining, DOCUMENTS_AT_ONCE)):
        yield chunk


def _groups(features: list[Features]) -> Iterator[list[int]]:
    """Give the places of documents that have pairs, in batches of equal lengths and bounded size."""
    order = [place for place, document in enumerate(features) if len(document.pairs)]
    order.sort(key=lambda place: len(features[place].input_ids))
    group: list[int] = []
    for place in order:
        # The documents come by length, so this one is the longest of its group.
        if group and (len(group) + 1) * len(features[place].input_ids) > SUBWORDS_AT_ONCE:
            yield group
            group = []
        group.append(place)
    if group:
        yield group


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


def load(name: str | Path | None = None, *, device: str = "auto", precision: str = "fp32") -> RelationExtractor:
    """Load a model, ready to predict.

    Args:
        name: a model folder, the name of one on the Hugging Face hub, or ``None`` for the bundled model.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: number format of the multiplications, ``fp32`` or ``bf16``.

    Raises:
        CheckpointError: if the model cannot be loaded.
    """
    return RelationExtractor(load_checkpoint(name), device=choose_device(device), precision=precision)

"""Labels of documents that nobody has annotated: the probabilities that trained models, the teachers, give them.

This is distillation (Hinton et al., 2015): the student learns from the gold documents and from more text than there are
annotations for, as DREEAM does (EACL 2023).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atlop.config import ModelConfig
from atlop.decoding import margins
from atlop.documents import Document
from atlop.errors import CheckpointError
from atlop.extractor import RelationExtractor, load
from atlop.features import Features
from atlop.labels import LabelMap

LEAST = 0.01
"""What is less probable counts as false: a hundred relations of every pair would add up."""


def with_teachers(
    features: Sequence[Features], documents: Sequence[Document], teachers: Sequence[Path], labels: LabelMap, device: str
) -> list[Features]:
    """Return labelled features whose labels are the mean probability by several models; what is annotated stays true.

    The models are not calibrated for this: a calibration was fitted on dev documents.

    Args:
        features: those of the documents.
        documents: the documents.
        teachers: folders of the models; relations that a model does not know it calls false.
        labels: the label map of the features.
        device: where the models score.

    Raises:
        CheckpointError: if a model cannot be loaded, or scores other pairs than those of the features.
    """
    total = [np.zeros((len(each.pairs), len(labels)), np.float32) for each in features]
    for teacher in teachers:
        for row, found in zip(total, soft_labels(load(teacher, device=device), documents, labels), strict=True):
            if row.shape != found.shape:
                problem = f"{teacher}: scores {len(found)} pairs of a document of {len(row)}"
                raise CheckpointError(f"{problem}, expected a model for the same types of pairs")
            row += found / len(teachers)
    return [replace(each, labels=_united(each, row)) for each, row in zip(features, total, strict=True)]


def soft_labels(
    teacher: RelationExtractor, documents: Sequence[Document], labels: LabelMap
) -> Iterator[NDArray[np.float32]]:
    """Yield the probabilities of relations by one model, [P, R] of each document; column 0 is 0."""
    own = teacher.backend.labels
    shared = [name for name in labels.relations if name in own.relations]
    columns, known = ([each.column(name) for name in shared] for each in (labels, own))
    for scores in teacher.scores(documents):
        found = np.zeros((len(scores.pairs), len(labels)), np.float32)
        found[:, columns] = probabilities(margins(scores.logits)[:, known], teacher.backend.config)
        yield found


def probabilities(margins: NDArray[np.float32], config: ModelConfig) -> NDArray[np.float32]:
    """Return the probabilities that the loss of a model trains its margins to mean."""
    if config.thresholding == "weighted-softmax":
        # See the optimum at WeightedSoftmax.
        limited: NDArray[np.float32] = np.minimum(margins - math.log(config.positive_weight), 0)
        return np.exp(limited)
    return (np.tanh(margins / 2) / 2 + 0.5).astype(np.float32)


def _united(features: Features, found: NDArray[np.float32]) -> NDArray[np.float16]:
    """Return annotated and predicted labels, [P, R]; column 0 is how probable it is that the pair has no relation."""
    annotated = np.zeros_like(found) if features.labels is None else features.labels
    united = np.maximum(np.where(found < LEAST, 0, found), annotated)
    united[:, 0] = 1 - united[:, 1:].max(1, initial=0)
    return united.astype(np.float16)

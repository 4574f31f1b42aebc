"""Targets for documents without annotations: the probabilities that trained models, the teachers, give their relations.

This is distillation (Hinton et al., 2015): the student learns from the gold documents and from more text than there are
annotations for. Teachers also give the evidence (DREEAM, EACL 2023).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from atlop.config import ModelConfig
from atlop.decoding import margins
from atlop.documents import Document
from atlop.errors import CheckpointError, shown
from atlop.extractor import RelationExtractor, load
from atlop.features import Features
from atlop.labels import LabelMap

LEAST = 0.01
"""Lower probabilities count as false: over a hundred relations of every pair, they would add up."""

PROBABLE = 0.5
"""How probable the best relation of a pair must be for the evidence of the teachers to count."""


class Targets(NamedTuple):
    """What models predict for one document."""

    pairs: NDArray[np.int64]
    """Head and tail of each pair, [P, 2]."""
    labels: NDArray[np.float32]
    """How probable each relation of each pair is, [P, R]; column 0 is 0."""
    evidence: NDArray[np.float32]
    """How much of each pair's context is in each sentence, [P, T]; 0 if no model gives evidence."""


def with_teachers(
    features: Sequence[Features], documents: Sequence[Document], teachers: Sequence[Path], labels: LabelMap, device: str
) -> list[Features]:
    """Return labelled features with the mean probabilities of several models as labels; annotated relations stay true.

    The calibration of the models is not used, since it was fitted on dev documents.

    Args:
        features: those of the documents.
        documents: the documents.
        teachers: folders of the models; relations that a model does not know count as false.
        labels: the label map of the features.
        device: where the models score.

    Raises:
        CheckpointError: if a model cannot be loaded, or scores other pairs than those of the features.
    """
    total = [_nothing(each, labels) for each in features]
    models = [load(teacher, device=device) for teacher in teachers]
    for teacher, model in zip(teachers, models, strict=True):
        for each, sums, found in zip(features, total, soft_targets(model, documents, labels), strict=True):
            if not np.array_equal(sums.pairs, found.pairs):
                problem = f"got scores of other pairs ({len(found.pairs)}) than those to learn ({len(sums.pairs)})"
                expected = "expected the same; choose a teacher for the same types of pairs"
                raise CheckpointError(f"{teacher}: document {shown(each.title, 100)}: {problem}, {expected}")
            _add(sums, found, 1 / len(teachers))
    return [_united(each, targets) for each, targets in zip(features, total, strict=True)]


def _nothing(features: Features, labels: LabelMap) -> Targets:
    count = len(features.pairs)
    probabilities, evidence = (np.zeros((count, width), np.float32) for width in (len(labels), features.sentence_count))
    return Targets(features.pairs, probabilities, evidence)


def _add(sums: Targets, found: Targets, share: float) -> None:
    for target, values in ((sums.labels, found.labels), (sums.evidence, found.evidence)):
        # A model that cuts documents may have read fewer sentences, or more.
        width = min(target.shape[1], values.shape[1])
        target[:, :width] += share * values[:, :width]


def soft_targets(teacher: RelationExtractor, documents: Sequence[Document], labels: LabelMap) -> Iterator[Targets]:
    """Yield what one model predicts for each document."""
    own = teacher.backend.labels
    shared = [name for name in labels.relations if name in own.relations]
    columns, known = ([each.column(name) for name in shared] for each in (labels, own))
    for scores in teacher.scores(documents):
        found = np.zeros((len(scores.pairs), len(labels)), np.float32)
        found[:, columns] = probabilities(margins(scores.logits)[:, known], teacher.backend.config)
        evidence = found[:, :0] if scores.evidence is None else scores.evidence
        yield Targets(scores.pairs, found, evidence)


def probabilities(margins: NDArray[np.float32], config: ModelConfig) -> NDArray[np.float32]:
    """Return the probabilities that margins stand for under the loss that the model was trained with."""
    if config.thresholding == "weighted-softmax":
        # The inverse of the optimum that WeightedSoftmax states.
        limited: NDArray[np.float32] = np.minimum(margins - math.log(config.positive_weight), 0)
        return np.exp(limited)
    return (np.tanh(margins / 2) / 2 + 0.5).astype(np.float32)


def _united(features: Features, targets: Targets) -> Features:
    """Return labelled features, completed by the models' predictions where nothing is annotated."""
    labels, evidence = features.labels, features.evidence
    if labels is None or evidence is None:
        raise ValueError(f"document {features.title!r}: got features without labels, expected labelled ones")
    united = np.maximum(np.where(targets.labels < LEAST, 0, targets.labels), labels)
    best = united[:, 1:].max(1, initial=0)
    united[:, 0] = 1 - best
    unknown = (best >= PROBABLE) & ~evidence.any(1)
    shares = np.where(unknown[:, None], targets.evidence, evidence)
    return replace(features, labels=united.astype(np.float16), evidence=shares.astype(np.float16))

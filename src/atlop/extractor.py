"""Documents in, documents with scored relations out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from atlop.backends import Backend, load_backend
from atlop.batches import group_by_length
from atlop.decoding import decode, margins
from atlop.documents import Document, Relation
from atlop.errors import CheckpointError
from atlop.features import Features, Featurizer
from atlop.folder import find_folder
from atlop.type_constraints import UnknownTypes

DOCUMENTS_AT_ONCE = 64
"""Documents read ahead and sorted by length, so that those of one batch are about equally long."""


@dataclass(frozen=True)
class PairScores:
    """What the model says of every pair of one document."""

    title: str
    """Title of the document."""
    pairs: NDArray[np.int64]
    """Head and tail entity, [P, 2]: the document's candidates where it lists them, else all ordered pairs; those that
    are skipped by type left out."""
    logits: NDArray[np.float32]
    """Raw logits, [P, R]; column 0 is the threshold."""


class RelationExtractor:
    """Finds the relations between the entities of documents.

    Args:
        backend: a model that is ready to score, such as :class:`~atlop.backends.pytorch.TorchBackend`.
        prune: whether to skip pairs of entity types that no training relation connects.

    Raises:
        CheckpointError: if pairs are to be skipped and the model does not know which.
    """

    def __init__(self, backend: Backend, *, prune: bool = False) -> None:
        self.backend = backend
        constraints = backend.labels.type_constraints
        if prune and constraints is None:
            problem = "the model holds no type pairs, expected those that its training relations connect"
            raise CheckpointError(f"prune: {problem}; train it with this version of atlop, or predict without pruning")
        self.featurizer = Featurizer(
            backend.tokenizer, backend.config, backend.window, type_constraints=constraints, prune=prune
        )
        self.unknown_types = UnknownTypes(constraints)

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
        config, labels = self.backend.config, self.backend.labels
        chosen = decode(scores.logits, config.max_labels, config.threshold_offset)[:, 1:]
        rows, columns = chosen.nonzero()
        margin = margins(scores.logits, config.threshold_offset)[:, 1:][chosen]
        sure = 1 / (1 + np.exp(-margin / config.temperature))
        return tuple(
            Relation(head, tail, labels.relation(column + 1), confidence=value)
            for (head, tail), column, value in zip(
                scores.pairs[rows].tolist(), columns.tolist(), sure.tolist(), strict=True
            )
        )

    def _score(self, documents: list[Document]) -> list[PairScores]:
        self.unknown_types.warn(documents)
        features = [self.featurizer(document) for document in documents]
        logits: list[NDArray[np.float32]] = [np.zeros((0, len(self.backend.labels)), np.float32)] * len(features)
        for group in _groups(features, self.backend.subwords_at_once):
            for place, rows in zip(group, self.backend.logits([features[place] for place in group]), strict=True):
                logits[place] = rows
        scores = [PairScores(f.title, f.pairs, rows) for f, rows in zip(features, logits, strict=True)]
        for score in scores:
            if not np.isfinite(score.logits).all():
                raise CheckpointError(f"document {score.title!r}: the model gave scores that are not numbers")
        return scores


def _chunks(documents: Iterable[Document]) -> Iterator[list[Document]]:
    remaining = iter(documents)
    while chunk := list(islice(remaining, DOCUMENTS_AT_ONCE)):
        yield chunk


def _groups(features: list[Features], subwords: int) -> Iterator[list[int]]:
    """Give the places of documents that have pairs, in batches of about equal lengths and at most so many subwords."""
    order = [place for place, document in enumerate(features) if len(document.pairs)]
    for group in group_by_length([len(features[place].input_ids) for place in order], subwords):
        yield [order[place] for place in group]


def load(
    name: str | Path | None = None, *, device: str = "auto", precision: str = "fp32", prune: bool = False
) -> RelationExtractor:
    """Load a model, ready to predict.

    Args:
        name: a model folder, the name of one on the Hugging Face hub, or ``None`` for the bundled model.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: number format of the multiplications: ``fp32``, ``bf16``, ``int8`` (linear layers of the encoder, on
            a CPU), or ``auto`` for bf16 where the processor multiplies in it, else fp32.
        prune: whether to skip pairs of entity types that no training relation connects.

    Raises:
        CheckpointError: if the model cannot be loaded, or is to prune and does not know which pairs to skip.
    """
    return RelationExtractor(load_backend(find_folder(name), device=device, precision=precision), prune=prune)

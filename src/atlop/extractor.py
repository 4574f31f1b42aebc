"""Documents in, documents with scored relations out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from atlop.backends import Backend, load_backend
from atlop.calibration import Calibration
from atlop.chunks import Chunk, check_finite, ready
from atlop.decoding import choose_evidence, decode, margins
from atlop.documents import Document, Relation, documents_of
from atlop.errors import AtlopError, CheckpointError, DataError, got
from atlop.features import Features, Featurizer
from atlop.folder import find_folder
from atlop.limits import DOCUMENTS
from atlop.type_constraints import UnknownTypes

if TYPE_CHECKING:
    from atlop.reading import EntityReader, PassageScores

Item = TypeVar("Item")


@dataclass(frozen=True)
class PairScores:
    """The scores of every pair of one document."""

    title: str
    """Title of the document."""
    pairs: NDArray[np.int64]
    """Head and tail entity, [P, 2]: the document's candidates where it lists them, else all ordered pairs that
    the model scores."""
    logits: NDArray[np.float32]
    """Logits, [P, R]; column 0 is the threshold."""
    evidence: NDArray[np.float32] | None = None
    """How much of each pair's context is in each sentence, [P, T]; ``None`` for a model not trained on evidence."""


class RelationExtractor:
    """Finds the relations between the entities of documents.

    Args:
        backend: a model that is ready to score, such as :class:`~atlop.backends.pytorch.TorchBackend`.
        prune: whether to skip pairs of entity types that no training relation connects.

    Raises:
        CheckpointError: if pairs are to be skipped and the model does not know which.
    """

    def __init__(self, backend: Backend, *, prune: bool = False) -> None:
        self.backend, self.calibration = backend, backend.calibration
        if prune and backend.labels.type_constraints is None:
            problem = "the model has no type constraints, expected the types that its training relations connect"
            raise CheckpointError(f"prune: {problem}; train it with this version of atlop, or predict without pruning")
        self.unknown_types = UnknownTypes(backend.labels.type_constraints)
        self.featurizer = Featurizer(
            backend.tokenizer, backend.config, backend.window, labels=backend.labels, prune=prune
        )

    @overload
    def predict(self, documents: Document, *, min_confidence: float = ..., progress: bool = ...) -> Document: ...

    @overload
    def predict(
        self, documents: Iterable[Document], *, min_confidence: float = ..., progress: bool = ...
    ) -> Iterator[Document]: ...

    def predict(
        self, documents: Document | Iterable[Document], *, min_confidence: float = 0.0, progress: bool = False
    ) -> Document | Iterator[Document]:
        """Predict the relations of one document, or of many in the same order.

        A relation is predicted if its logit is above that of the pair's threshold, less the offset, and it is among the
        ``max_labels`` best of its pair. Its confidence is its probability by the model's calibration.

        Args:
            documents: one document or many; relations that they already have are ignored.
            min_confidence: leave out relations of lower confidence.
            progress: whether to show a progress bar, in a terminal or a notebook.

        Returns:
            The document, or an iterator over the documents, with the predicted relations in place of their own.

        Raises:
            AtlopError: if ``min_confidence`` is not between 0 and 1.
            CheckpointError: if the model computes a score that is not finite.
            DataError: if something else than a document is given.
        """
        check_confidence(min_confidence)
        # A str or a Path is refused as a whole, not by its first letter.
        if isinstance(documents, (Document, str, Path)):
            return next(self._predict([documents], min_confidence))
        return self._predict(_shown(documents) if progress else documents, min_confidence)

    def _predict(self, documents: Iterable[Document], min_confidence: float) -> Iterator[Document]:
        for document, scores in self._scored(documents):
            yield document.with_relations(self.relations(scores, min_confidence=min_confidence))

    @overload
    # A str is also an iterable of str, but the first overload takes it as one text.
    def extract(self, texts: str | Document, *, min_confidence: float = ..., progress: bool = ...) -> Document: ...  # type: ignore[overload-overlap]

    @overload
    def extract(
        self, texts: Iterable[str | Document], *, min_confidence: float = ..., progress: bool = ...
    ) -> Iterator[Document]: ...

    def extract(
        self, texts: str | Document | Iterable[str | Document], *, min_confidence: float = 0.0, progress: bool = False
    ) -> Document | Iterator[Document]:
        """Find the entities of one text and the relations between them, or of many in the same order.

        Args:
            texts: one English text or many, or documents; entities that are marked in them are ignored.
            min_confidence: leave out relations of lower confidence.
            progress: whether to show a progress bar, in a terminal or a notebook.

        Returns:
            The text as a document, or an iterator over the documents. Many texts are titled by their number.

        Raises:
            AtlopError: if ``min_confidence`` is not between 0 and 1.
            CheckpointError: if the model was not trained to find entities, or computes a score that is not finite.
            DataError: if a text holds a lone surrogate.
        """
        check_confidence(min_confidence)
        from atlop.reading import EntityReader  # which needs scipy; exported models do not

        reader = EntityReader(self.backend, self.featurizer)
        if isinstance(texts, (str, Document)):
            return next(self._extract(reader, [texts], min_confidence))
        return self._extract(reader, _shown(texts) if progress else texts, min_confidence)

    def _extract(
        self, reader: EntityReader, texts: Iterable[str | Document], min_confidence: float
    ) -> Iterator[Document]:
        return (self._related(*each, min_confidence) for each in reader.read(documents_of(texts)))

    def _related(self, document: Document, passages: list[PassageScores], min_confidence: float) -> Document:
        """Decode the scores of each passage; if several state a fact, the most confident relation is kept."""
        best: dict[tuple[int, int, str], Relation] = {}
        for passage in passages:
            check_finite(document.title, passage.output)
            scores = PairScores(document.title, passage.pairs, *passage.output)
            for relation in self.relations(scores, min_confidence=min_confidence):
                found = _moved(relation, passage.start)
                best[found.fact] = max(best.get(found.fact, found), found, key=lambda each: each.confidence or 0)
        return document.with_relations(tuple(best.values()))

    def scores(self, documents: Iterable[Document]) -> Iterator[PairScores]:
        """Yield the scores of every pair of each document, in the same order.

        Raises:
            CheckpointError: if the model computes a score that is not finite.
        """
        return (scores for _, scores in self._scored(documents))

    def relations(
        self, scores: PairScores, *, min_confidence: float = 0.0, calibration: Calibration | None = None
    ) -> tuple[Relation, ...]:
        """Decode the scores of one document.

        Args:
            scores: those of its pairs.
            min_confidence: leave out relations of lower confidence.
            calibration: what to use instead of the model's own.
        """
        calibration = calibration or self.calibration
        labels = self.backend.labels
        offsets = calibration.offsets(labels.relations)
        chosen = decode(scores.logits, self.backend.config.max_labels, offsets)[:, 1:]
        rows, columns = chosen.nonzero()
        confidence = calibration.confidence(margins(scores.logits)[:, 1:][chosen])
        evidence = choose_evidence(scores.evidence, rows, confidence)
        found = zip(scores.pairs[rows].tolist(), columns.tolist(), confidence.tolist(), evidence, strict=True)
        return tuple(
            Relation(head, tail, name, evidence=sentences, confidence=value, name=labels.display_name(name))
            for (head, tail), column, value, sentences in found
            if value >= min_confidence and (name := labels.relation(column + 1))
        )

    def _scored(self, documents: Iterable[Document]) -> Iterator[tuple[Document, PairScores]]:
        """Yield each document with its scores as soon as they and those of all documents before it are known."""
        chunks: deque[Chunk] = deque()
        batches: deque[tuple[Chunk, list[int]]] = deque()
        remaining = self._chunks(documents)
        for first in remaining:
            for rows in self.backend.scores(self._batches(chain([first], remaining), chunks, batches)):
                chunk, places = batches.popleft()
                chunk.fill(places, rows)
                yield from self._ready(chunks)
            yield from self._ready(chunks)

    @staticmethod
    def _ready(chunks: deque[Chunk]) -> Iterator[tuple[Document, PairScores]]:
        for document, features, output in ready(chunks):
            yield document, PairScores(features.title, features.pairs, *output)

    def _chunks(self, documents: Iterable[Document]) -> Iterator[Chunk]:
        remaining = map(_checked, documents)
        while read := list(islice(remaining, DOCUMENTS)):
            self.unknown_types.warn(read)
            yield Chunk(read, [self.featurizer(document) for document in read], len(self.backend.labels))

    def _batches(
        self, remaining: Iterable[Chunk], chunks: deque[Chunk], batches: deque[tuple[Chunk, list[int]]]
    ) -> Iterator[list[Features]]:
        """Yield batches of documents of similar length, each after it is recorded in ``chunks`` and ``batches``.

        The last are those before a chunk without any, whose documents need not wait for more.
        """
        for chunk in remaining:
            chunks.append(chunk)
            groups = chunk.groups(self.backend.batch_subwords)
            for places in groups:
                batches.append((chunk, places))
                yield [chunk.features[place] for place in places]
            if not groups:
                return


def _checked(document: Any) -> Document:
    if not isinstance(document, Document):
        advice = "pass texts to extract, and read files with atlop.read"
        raise DataError(f"got {got(document)}, expected a Document; {advice}")
    return document


def check_confidence(least: float) -> None:
    """Refuse a confidence that is not a probability.

    Raises:
        AtlopError: if it is not between 0 and 1.
    """
    if not 0 <= least <= 1:
        raise AtlopError(f"min_confidence: got {got(least)}, expected a number from 0 to 1")


def _moved(relation: Relation, start: int) -> Relation:
    """Return a relation of a passage, which begins at the sentence ``start``, as one of the whole document."""
    if relation.evidence is None:
        return relation
    return replace(relation, evidence=tuple(sentence + start for sentence in relation.evidence))


def _shown(documents: Iterable[Item]) -> Iterable[Item]:
    return track(documents, "Predicting", total=len(documents) if isinstance(documents, Sized) else None)


def load(
    name: str | Path | None = None,
    *,
    revision: str | None = None,
    device: str = "auto",
    precision: str = "auto",
    prune: bool = False,
) -> RelationExtractor:
    """Load a model, ready to predict.

    Args:
        name: a model folder, the name of one on the Hugging Face Hub, or ``None`` for the bundled model.
        revision: branch, tag or commit of a model on the Hub.
        device: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        precision: ``fp32``, ``bf16``, or ``auto`` for bf16 where the device multiplies in it, else fp32.
        prune: whether to skip pairs of entity types that no training relation connects.

    Raises:
        AtlopError: if the machine lacks the device, or the device lacks the precision.
        CheckpointError: if the model cannot be loaded, or ``prune`` is set and it has no type constraints.
    """
    folder = find_folder(name, revision)
    return RelationExtractor(load_backend(folder, device=device, precision=precision), prune=prune)

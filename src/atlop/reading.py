"""Documents without marked entities: their mentions, entities and the scores of their pairs.

The encoder reads a document once: models that find entities know no markers, so that the subwords are the same before
and after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from operator import itemgetter

import numpy as np
from numpy.typing import NDArray

from atlop.backends import Backend, PairOutput, ReadingBackend
from atlop.config import READERS
from atlop.documents import Document, Entity
from atlop.entity_decoding import cluster, entities_of, mentions_of, word_tags
from atlop.errors import CheckpointError
from atlop.features import Features, Featurizer
from atlop.limits import DOCUMENTS, group_by_length


class EntityReader:
    """Finds the entities of documents and scores their pairs.

    Args:
        backend: a model with the heads :data:`~atlop.config.READERS`.
        featurizer: the featurizer of the model.

    Raises:
        CheckpointError: if the model was not trained to find entities.
    """

    def __init__(self, backend: Backend, featurizer: Featurizer) -> None:
        if not isinstance(backend, ReadingBackend):
            raise CheckpointError("an exported model finds no entities, expected the model that it was exported from")
        self.backend, self.featurizer = backend, featurizer
        if missing := [name for name in READERS if name not in backend.config.heads]:
            problem = f"the model has no head {' and no head '.join(map(repr, missing))}"
            raise CheckpointError(f"{problem}, expected one trained to find entities; mark the entities yourself")

    def read(self, documents: Iterable[Document]) -> Iterator[tuple[Document, Features, PairOutput]]:
        """Yield each document with the entities that were found, the features of these and what its pairs score.

        Args:
            documents: any number; their entities are not looked at.
        """
        remaining = iter(documents)
        while chunk := list(islice(remaining, DOCUMENTS)):
            plain = [self.featurizer(_unmarked(document)) for document in chunk]
            groups = list(group_by_length([len(each.input_ids) for each in plain], self.backend.batch_subwords))
            batches = ([(chunk[place], plain[place]) for place in group] for group in groups)
            places = [place for group in groups for place in group]
            found = [each for batch in self.backend.map(self._read_batch, batches) for each in batch]
            yield from (each for _, each in sorted(zip(places, found, strict=True), key=itemgetter(0)))

    def _read_batch(self, batch: Sequence[tuple[Document, Features]]) -> list[tuple[Document, Features, PairOutput]]:
        reading = self.backend.read([features for _, features in batch])
        marked = [self._marked(*each, tags) for each, tags in zip(batch, reading.tags, strict=True)]
        named = [self.featurizer(document, names=True) for document in marked]
        scores = self.backend.compare(reading, named)
        found = [self._clustered(*each) for each in zip(marked, named, scores, strict=True)]
        final = [self.featurizer(document) for document in found]
        return list(zip(found, final, self.backend.relate(reading, final), strict=True))

    def _marked(self, document: Document, features: Features, logits: NDArray[np.float32]) -> Document:
        """Return a document with an entity for each mention."""
        tags = word_tags(logits, features.words, sum(map(len, document.sentences)))
        mentions = mentions_of(document, tags, self.backend.labels.entity_types)
        return replace(_unmarked(document), entities=tuple(Entity((mention,)) for mention in mentions))

    def _clustered(self, document: Document, features: Features, scores: NDArray[np.float32]) -> Document:
        """Return a document with the mentions of each entity together."""
        names = features.names
        assert names is not None
        return replace(document, entities=entities_of(document, cluster(len(names.types), names.pairs, scores)))


def _unmarked(document: Document) -> Document:
    return replace(document, entities=(), relations=(), candidates=None)

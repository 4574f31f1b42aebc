"""Documents without marked entities: their mentions, their entities, and the scores of pairs of entities.

The encoder reads a document once: models that find entities use no markers, so finding them does not change the
subwords. A long document is read in passages, twice each: first to find the entities of all of it, then for the pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from atlop.backends import Backend, PairOutput, Reading, ReadingBackend, Result
from atlop.config import READERS
from atlop.documents import Document, Entity, Mention
from atlop.entity_decoding import cluster, entities_of, mentions_of, text_of, word_tags
from atlop.errors import CheckpointError
from atlop.features import Features, Featurizer
from atlop.limits import DOCUMENTS, PASSAGE_OVERLAP, PASSAGE_SUBWORDS, group_by_length
from atlop.names import name_arrays, names_of
from atlop.passages import Passage, split


@dataclass(frozen=True)
class PassageScores:
    """The scores of the pairs of entities that occur together in a passage."""

    start: int
    """The first sentence of the passage."""
    pairs: NDArray[np.int64]
    """Head and tail, as entities of the whole document, [P, 2]."""
    output: PairOutput
    """What was computed for them; evidence counts sentences from the start of the passage."""


class Found(NamedTuple):
    """A document with the entities that were found, and the scores of its passages."""

    document: Document
    passages: list[PassageScores]


class Marked(NamedTuple):
    """A passage with an entity for each mention that was found, and the mean state of each of its names, [X, D]."""

    document: Document
    pooled: NDArray[np.float32]


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
            raise CheckpointError("an exported model cannot find entities; use the model that it was exported from")
        self.backend, self.featurizer = backend, featurizer
        self._types = {name: place for place, name in enumerate(backend.labels.entity_types, start=1)}
        if missing := [name for name in READERS if name not in backend.config.heads]:
            problem = f"the model has no head {' and no head '.join(map(repr, missing))}"
            advice = "use a model trained to find entities, or mark the entities and call predict"
            raise CheckpointError(f"{problem}; {advice}")

    def read(self, documents: Iterable[Document]) -> Iterator[Found]:
        """Yield each document with its entities and the scores of their pairs, in the same order.

        Args:
            documents: any number; their entities are ignored.
        """
        remaining = iter(documents)
        while chunk := [_unmarked(document) for document in islice(remaining, DOCUMENTS)]:
            passages = [self._split(document) for document in chunk]
            short = [place for place, parts in enumerate(passages) if len(parts) == 1]
            found = dict(zip(short, self._map(self._read_whole, [chunk[place] for place in short]), strict=True))
            for place, document in enumerate(chunk):
                yield found[place] if place in found else self._read_long(document, passages[place])

    def _split(self, document: Document) -> list[Passage]:
        most = min(PASSAGE_SUBWORDS, self.featurizer.most_subwords or PASSAGE_SUBWORDS)
        return split(self.featurizer.lengths(document), most=most, overlap=min(PASSAGE_OVERLAP, most // 4))

    def _map(
        self, function: Callable[[Sequence[tuple[Document, Features]]], list[Result]], documents: Sequence[Document]
    ) -> list[Result]:
        """Return what a function of batches of documents and features returns for each document, in the same order."""
        features = [self.featurizer(document) for document in documents]
        lengths = [len(each.input_ids) for each in features]
        groups = list(group_by_length(lengths, self.backend.batch_subwords))
        batches = ([(documents[place], features[place]) for place in group] for group in groups)
        found = [each for batch in self.backend.map(function, batches) for each in batch]
        places = np.argsort([place for group in groups for place in group])
        return [found[place] for place in places]

    def _read_whole(self, batch: Sequence[tuple[Document, Features]]) -> list[Found]:
        """Read documents of one passage."""
        reading = self.backend.read([features for _, features in batch])
        documents = [self._link(*marked) for marked in self._mark(reading, batch)]
        features = [self.featurizer(document) for document in documents]
        outputs = self.backend.relate(reading, features)
        found = zip(documents, features, outputs, strict=True)
        return [Found(document, [PassageScores(0, each.pairs, output)]) for document, each, output in found]

    def _read_long(self, document: Document, passages: Sequence[Passage]) -> Found:
        """Read a document of several passages."""
        marked = self._map(self._mark_batch, [passage.of(document) for passage in passages])
        whole = self._link(*_join(document, passages, marked))
        parts = [passage.mark(whole, whole.entities) for passage in passages]
        scores = self._map(self._relate_batch, [part for part, _ in parts])
        return Found(
            whole,
            [
                PassageScores(passage.start, np.array(numbers, dtype=np.int64)[pairs], output)
                for passage, (_, numbers), (pairs, output) in zip(passages, parts, scores, strict=True)
            ],
        )

    def _mark_batch(self, batch: Sequence[tuple[Document, Features]]) -> list[Marked]:
        return self._mark(self.backend.read([features for _, features in batch]), batch)

    def _relate_batch(self, batch: Sequence[tuple[Document, Features]]) -> list[tuple[NDArray[np.int64], PairOutput]]:
        features = [each for _, each in batch]
        outputs = self.backend.relate(self.backend.read(features), features)
        return [(each.pairs, output) for each, output in zip(features, outputs, strict=True)]

    def _mark(self, reading: Reading, batch: Sequence[tuple[Document, Features]]) -> list[Marked]:
        """Return documents with an entity for each mention that is found in them."""
        both = zip(batch, reading.tags, strict=True)
        marked = [self._tag(document, features, logits) for (document, features), logits in both]
        pooled = self.backend.pool(reading, [self.featurizer(document, names=True) for document in marked])
        return list(map(Marked, marked, pooled))

    def _tag(self, document: Document, features: Features, logits: NDArray[np.float32]) -> Document:
        tags = word_tags(logits, features.words, list(map(len, document.sentences)))
        mentions = mentions_of(document, tags, self.backend.labels.entity_types)
        return replace(document, entities=tuple(Entity((mention,)) for mention in mentions))

    def _link(self, document: Document, pooled: NDArray[np.float32]) -> Document:
        """Return a document with its mentions grouped into entities, from the mean state of each of its names."""
        names = name_arrays(document, types=self._types)
        scores = self.backend.compare(pooled, names)
        return replace(document, entities=entities_of(document, cluster(len(names.types), names.pairs, scores)))


def _join(document: Document, passages: Sequence[Passage], parts: Sequence[Marked]) -> Marked:
    """Return a document with the mentions that each passage found in its own sentences, and the states of all names."""
    mentions: list[Mention] = []
    states: dict[tuple[str, str], list[NDArray[np.float32]]] = {}
    for passage, part in zip(passages, parts, strict=True):
        for name, state in zip(names_of(part.document), part.pooled, strict=True):
            own = [mention for mention in name.mentions if mention.sentence in passage.own]
            mentions += [_moved(document, mention, passage.start) for mention in own]
            states.setdefault((name.text, name.type), []).extend([state] * len(own))
    marked = replace(document, entities=tuple(Entity((mention,)) for mention in mentions))
    pooled = [np.mean(states[name.text, name.type], axis=0) for name in names_of(marked)]
    width = parts[0].pooled.shape[1]
    return Marked(marked, np.array(pooled, dtype=np.float32).reshape(-1, width))


def _moved(document: Document, mention: Mention, start: int) -> Mention:
    """Return a mention of a passage as one of the whole document."""
    sentence = mention.sentence + start
    return replace(mention, sentence=sentence, name=text_of(document, sentence, mention.start, mention.end))


def _unmarked(document: Document) -> Document:
    return replace(document, entities=(), relations=(), candidates=None)

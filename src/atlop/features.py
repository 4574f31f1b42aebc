"""Documents to arrays: markers, subwords, windows, pairs and labels.

The letters of shapes are those of :mod:`atlop.model`.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from atlop.config import ModelConfig
from atlop.documents import Document, Mention
from atlop.errors import ConfigError
from atlop.labels import LabelMap
from atlop.markers import MARKERS, Place
from atlop.names import Names, name_arrays
from atlop.shapes import word_shapes
from atlop.targets import evidence_matrix, label_matrix, mention_tags
from atlop.type_constraints import pairs_to_score
from atlop.windows import SpecialSubwords, plan_windows

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

MARKER = "*"
"""The subword around mentions."""

CACHED_WORDS = 500_000
"""Distinct words whose subwords are cached before a new table is started."""


@dataclass(frozen=True)
class Features:
    """One document as arrays: everything about it that does not depend on the weights."""

    title: str
    """Title of the document, for messages."""
    input_ids: NDArray[np.int64]
    """Subwords with the special ones around them, [L]."""
    windows: tuple[tuple[int, int], ...]
    """Spans [start, stop) of ``input_ids``."""
    mention_starts: NDArray[np.int64]
    """Place of the subword that stands for each mention, its first by default, [M]; those cut off are left out."""
    mention_entity: NDArray[np.int64]
    """The entity of each of these mentions, [M]."""
    entities: int
    """Number of entities, E."""
    entity_types: NDArray[np.int64]
    """Type of each entity: its place in ``LabelMap.entity_types``, counted from 1, or 0 for any other, [E]."""
    sentences: NDArray[np.int64]
    """Sentence of each subword, -1 for the special ones, [L]."""
    words: NDArray[np.int64]
    """Word of each subword, counted through the document, -1 for markers and special ones, [L]."""
    shapes: NDArray[np.int64]
    """Shape of the word of each subword, numbered as in :mod:`atlop.shapes`, 0 for markers and special ones, [L]."""
    pairs: NDArray[np.int64]
    """Ordered pairs (head, tail) to score, [P, 2]."""
    labels: NDArray[np.bool_ | np.float16] | None
    """True where a pair has a relation, or how probable that is, [P, R]; ``None`` unless labels were asked for."""
    evidence: NDArray[np.bool_ | np.float16] | None = None
    """True for the evidence sentences of any relation of a pair, or each sentence's share of the evidence, [P, T];
    ``None`` if ``labels`` is."""
    tags: NDArray[np.int64] | None = None
    """The tag of the word that each subword begins, numbered as by :func:`~atlop.targets.mention_tags`, -1 for the
    other subwords, [L]; ``None`` if ``labels`` is."""
    names: Names[NDArray[Any]] | None = None
    """The names of the mentions; ``None`` where no head needs them."""

    @property
    def sentence_count(self) -> int:
        """Number of sentences up to the last one that is read, T."""
        return int(self.sentences.max(initial=-1)) + 1


@dataclass(frozen=True)
class Layout:
    """The subwords of a document with its markers."""

    subwords: list[int]
    sentences: list[int]
    """Sentence of each."""
    words: list[int]
    """Word of each, counted through the document, -1 for a marker."""
    places: dict[Place, int]
    """Where each word, or the marker before it, begins."""
    ends: dict[Place, int]
    """The place after each word, or after the marker that follows it."""

    def span(self, mention: Mention) -> range:
        """Return the places of the subwords of a mention and of its markers, at least one."""
        first = self.places[mention.sentence, mention.start]
        # A word may have no subword at all.
        return range(first, max(first + 1, self.ends[mention.sentence, mention.end - 1]))

    def add(self, subwords: Sequence[int], *, sentence: int, word: int) -> None:
        """Append subwords of one word, or markers."""
        self.subwords.extend(subwords)
        self.sentences.extend([sentence] * len(subwords))
        self.words.extend([word] * len(subwords))


class Featurizer:
    """Converts documents to features for one model.

    Args:
        tokenizer: the encoder's tokenizer; every word is tokenized by itself.
        config: markers, lengths and windows.
        window: subwords that the encoder reads at once.
        labels: the label map, which knows relations, entity types and type constraints.
        prune: whether to leave out pairs of entity types that no training relation connects.

    Raises:
        ConfigError: if a window has no room for its overlap.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        config: ModelConfig,
        window: int,
        *,
        labels: LabelMap,
        prune: bool = False,
    ) -> None:
        self.tokenizer, self.config, self.labels, self.prune = tokenizer, config, labels, prune
        self.markers = MARKERS[config.markers]
        # If the vocabulary lacks the marker, its unknown subword marks mentions, as in the published code.
        self.marker: int = cast(list[int], tokenizer.convert_tokens_to_ids([MARKER]))[0]
        self.special = SpecialSubwords.of(tokenizer)
        self.window = min(window, config.window or window)
        # How many subwords are around those of a document, and how many of the document are read.
        self._around = len(self.special.prefix) + len(self.special.suffix)
        self.most_subwords = None if config.max_length is None else config.max_length - self._around
        self.needs_names = "entities" in config.heads
        self._types = {name: place for place, name in enumerate(labels.entity_types, start=1)}
        self._subwords: dict[str, tuple[int, ...]] = {}
        # Fast tokenizers refuse a call while another thread's is in progress.
        self._lock = Lock()
        room = self.window - len(self.special.prefix) - len(self.special.break_suffix)
        if config.window_overlap >= room:
            expected = f"less than {room}, the room in a window of {self.window} subwords"
            raise ConfigError([f"window_overlap: got {config.window_overlap}, expected {expected}"])

    def __call__(self, document: Document, *, labelled: bool = False, names: bool = False) -> Features:
        """Return the features of a document.

        Args:
            document: any document.
            labelled: whether its relations become ``Features.labels``.
            names: whether its mentions become ``Features.names``, without pairs unless it is labelled; they also do if
                it is labelled and a head needs them.

        Raises:
            LabelError: if the label map lacks a relation of a document that is labelled.
        """
        names = names or (labelled and self.needs_names)
        mentions = [(mention, e) for e, entity in enumerate(document.entities) for mention in entity.mentions]
        layout = self._cut(self._lay_out(document, [mention for mention, _ in mentions]), document.title)
        prefix, suffix = self.special.prefix, self.special.suffix
        places = [self._places(layout, mention) for mention, _ in mentions]
        starts = np.array([place for row in places for place in row], dtype=np.int64) + len(prefix)
        owners = np.repeat(np.array([entity for _, entity in mentions], dtype=np.int64), list(map(len, places)))
        ids = np.array([*prefix, *layout.subwords, *suffix], dtype=np.int64)
        pairs = pairs_to_score(document, self.labels.type_constraints, prune=self.prune)
        kept, around = starts < len(ids), (len(prefix), len(suffix))
        sentences = np.pad(np.array(layout.sentences, dtype=np.int64), around, constant_values=-1)
        words = np.pad(np.array(layout.words, dtype=np.int64), around, constant_values=-1)
        # The last entry, at index -1, is for subwords that belong to no word.
        shapes = np.array([shape for sentence in document.sentences for shape in word_shapes(sentence)] + [0])
        return Features(
            title=document.title,
            input_ids=ids,
            windows=tuple(plan_windows(len(ids), self.window, self.special, self.config.window_overlap)),
            mention_starts=starts[kept],
            mention_entity=owners[kept],
            entities=len(document.entities),
            entity_types=np.array([self._types.get(entity.type, 0) for entity in document.entities], dtype=np.int64),
            sentences=sentences,
            words=words,
            shapes=shapes[words],
            pairs=np.array(pairs, dtype=np.int64).reshape(-1, 2),
            labels=label_matrix(document, self.labels, pairs) if labelled else None,
            evidence=evidence_matrix(document, pairs)[:, : sentences.max(initial=-1) + 1] if labelled else None,
            tags=self._tags(document, words) if labelled else None,
            names=self._names(document, layout, len(ids), paired=labelled) if names else None,
        )

    def lengths(self, document: Document) -> list[int]:
        """Return the number of subwords of each sentence, without markers."""
        known = self._tokenized(word for words in document.sentences for word in words)
        return [sum(len(known[word]) for word in words) for words in document.sentences]

    def _tags(self, document: Document, words: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the tag of the word that each subword begins, [L], -1 for the other subwords."""
        tags: NDArray[np.int64] = np.append(mention_tags(document, self._types), -1)[words]
        tags[1:][words[1:] == words[:-1]] = -1
        return tags

    def _names(self, document: Document, layout: Layout, length: int, *, paired: bool) -> Names[NDArray[Any]]:
        """Return the names of a document of ``length`` subwords; places that were cut off are left out."""
        first = len(self.special.prefix)
        return name_arrays(
            document,
            lambda mention: [first + place for place in layout.span(mention) if first + place < length],
            types=self._types,
            paired=paired,
        )

    def _lay_out(self, document: Document, mentions: Sequence[Mention]) -> Layout:
        """Lay out the subwords and markers of a document."""
        before, after = self.markers(mentions)
        known = self._tokenized(word for words in document.sentences for word in words)
        layout, number = Layout([], [], [], {}, {}), 0
        for s, words in enumerate(document.sentences):
            for w, word in enumerate(words):
                place = s, w
                layout.places[place] = len(layout.subwords)
                if place in before:
                    layout.add([self.marker] * before[place], sentence=s, word=-1)
                layout.add(known[word], sentence=s, word=number)
                if place in after:
                    layout.add([self.marker] * after[place], sentence=s, word=-1)
                layout.ends[place] = len(layout.subwords)
                number += 1
        return layout

    def _places(self, layout: Layout, mention: Mention) -> Sequence[int]:
        """Return the places of the subwords that stand for a mention, at least one."""
        span = layout.span(mention)
        chosen = {"start": span[:1], "ends": sorted({span[0], span[-1]}), "all": span}
        return chosen[self.config.mention_subwords]

    def _tokenized(self, words: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """Return a table of the subwords of all these words, and perhaps of others."""
        # Other threads may start a new table, but only ever add to this one.
        table = self._subwords if len(self._subwords) <= CACHED_WORDS else {}
        new = list({word: None for word in words if word not in table})
        if new:
            with self._lock:
                pieces = self.tokenizer(new, add_special_tokens=False, return_attention_mask=False)["input_ids"]
            table.update(zip(new, map(tuple, pieces), strict=True))
        self._subwords = table
        return table

    def _cut(self, layout: Layout, title: str) -> Layout:
        """Cut a layout to ``max_length`` subwords, the special ones included."""
        most = self.most_subwords
        if most is None or len(layout.subwords) <= most:
            return layout
        message = "document %r: cut from %d to %d subwords (max_length); the rest is not read"
        logger.warning(message, title, len(layout.subwords) + self._around, self.config.max_length)
        return Layout(layout.subwords[:most], layout.sentences[:most], layout.words[:most], layout.places, layout.ends)

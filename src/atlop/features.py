"""Documents to numbers: markers, subwords, windows, pairs and labels.

The letters of shapes are those of :mod:`atlop.model`.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from atlop.config import ModelConfig
from atlop.documents import Document, Mention
from atlop.errors import ConfigError
from atlop.labels import LabelMap
from atlop.type_constraints import TypeConstraints, pairs_to_score

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

MARKER = "*"
"""The subword put around mentions."""

CACHED_WORDS = 500_000
"""Words whose subwords are remembered before the memory is cleared."""

Place = tuple[int, int]
"""A word: index of its sentence, index within it."""


def shared_markers(mentions: Iterable[Mention]) -> tuple[Counter[Place], Counter[Place]]:
    """One marker where any mention starts and one where any ends, as the published DocRED reader puts them.

    Returns:
        How many markers stand before and how many after each word.
    """
    spans = [(mention.sentence, mention.start, mention.end) for mention in mentions]
    before = Counter({(sentence, start): 1 for sentence, start, _ in spans})
    return before, Counter({(sentence, end - 1): 1 for sentence, _, end in spans})


def each_marker(mentions: Iterable[Mention]) -> tuple[Counter[Place], Counter[Place]]:
    """A pair of markers for every distinct span and type, as the published CDR and GDA reader puts them."""
    spans = {(mention.sentence, mention.start, mention.end, mention.type) for mention in mentions}
    before = Counter((sentence, start) for sentence, start, _, _ in spans)
    return before, Counter((sentence, end - 1) for sentence, _, end, _ in spans)


def no_markers(mentions: Iterable[Mention]) -> tuple[Counter[Place], Counter[Place]]:
    """No markers, the paper's ablation."""
    return Counter(), Counter()


MARKERS: dict[str, Callable[[Iterable[Mention]], tuple[Counter[Place], Counter[Place]]]] = {
    "shared": shared_markers,
    "each": each_marker,
    "none": no_markers,
}
"""The parts that ``ModelConfig.markers`` names."""


@dataclass(frozen=True)
class SpecialSubwords:
    """The subwords that an encoder expects around a text."""

    prefix: tuple[int, ...]
    """Before a text, such as ``[CLS]``."""
    suffix: tuple[int, ...]
    """After a text, such as ``[SEP]``."""
    break_suffix: tuple[int, ...]
    """After a window that breaks off before the text ends: what the tokenizer puts between two texts. For RoBERTa this
    is ``</s></s>``, as in the published code."""

    @classmethod
    def of(cls, tokenizer: PreTrainedTokenizerBase) -> SpecialSubwords:
        """Find them out from how a tokenizer frames one text and two."""
        text = tokenizer(MARKER, add_special_tokens=False)["input_ids"]
        one, two = tokenizer(MARKER)["input_ids"], tokenizer(MARKER, MARKER)["input_ids"]
        size = len(text)
        start = next(i for i in range(len(one)) if one[i : i + size] == text)
        suffix = one[start + size :]
        between = two[start + size : len(two) - size - len(suffix)]
        return cls(tuple(one[:start]), tuple(suffix), tuple(between))


def plan_windows(length: int, size: int, special: SpecialSubwords, overlap: int) -> list[tuple[int, int]]:
    """Cover a document by windows: the first and the last flush with its ends, the others evenly between.

    A text that two windows cover is split as the published code splits it.

    Args:
        length: subwords of the document, the special ones included.
        size: subwords of a window, the special ones included.
        special: the subwords that frame a window that does not reach an end of the document.
        overlap: the fewest subwords that two neighbours share; below zero, the most that may fall between them.

    Returns:
        Spans [start, stop) of the document, of which each goes into one window.
    """
    if length <= size:
        return [(0, length)]
    first, last = size - len(special.break_suffix), size - len(special.prefix)
    middle = last - len(special.break_suffix)
    steps = 1 if length - last <= first - overlap else -(-(length - last) // (middle - overlap))
    between = [step * (length - last) // steps for step in range(1, steps)]
    return [(0, first), *((start, start + middle) for start in between), (length - last, length)]


@dataclass(frozen=True)
class Features:
    """One document as numbers; everything that can be known of it without a model."""

    title: str
    """Title of the document, for messages."""
    input_ids: NDArray[np.int64]
    """Subwords with the special ones around them, [L]."""
    windows: tuple[tuple[int, int], ...]
    """Spans [start, stop) of ``input_ids``."""
    mention_starts: NDArray[np.int64]
    """Place of each mention's first subword, [M]; mentions that were cut off are left out."""
    mention_entity: NDArray[np.int64]
    """The entity of each of these mentions, [M]."""
    entities: int
    """How many entities there are, E."""
    pairs: NDArray[np.int64]
    """Ordered pairs (head, tail) to score, [P, 2]."""
    labels: NDArray[np.bool_] | None
    """True where a pair has a relation, [P, R]; ``None`` if the relations are not known to the label map's owner."""


class Featurizer:
    """Makes features of documents for one encoder.

    Args:
        tokenizer: the encoder's tokenizer; every word is given to it by itself.
        config: markers, lengths and windows.
        window: subwords that the encoder reads at once.
        type_constraints: which pairs are candidates where a document lists none.
        prune: whether to skip pairs of types that no training relation connects.

    Raises:
        ConfigError: if a window has no room for its overlap.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        config: ModelConfig,
        window: int,
        *,
        type_constraints: TypeConstraints | None = None,
        prune: bool = False,
    ) -> None:
        self.tokenizer, self.config, self.type_constraints = tokenizer, config, type_constraints
        self.prune = prune
        self.markers = MARKERS[config.markers]
        # A vocabulary without the marker marks with its unknown subword, as the published code does.
        self.marker: int = cast(list[int], tokenizer.convert_tokens_to_ids([MARKER]))[0]
        self.special = SpecialSubwords.of(tokenizer)
        self.window = min(window, config.window or window)
        self._subwords: dict[str, tuple[int, ...]] = {}
        room = self.window - len(self.special.prefix) - len(self.special.break_suffix)
        if config.window_overlap >= room:
            expected = f"less than {room}, the room in a window of {self.window} subwords"
            raise ConfigError([f"window_overlap: got {config.window_overlap}, expected {expected}"])

    def __call__(self, document: Document, labels: LabelMap | None = None) -> Features:
        """Make the features of one document.

        Args:
            document: any document.
            labels: if given, the relations of the document become ``Features.labels``.

        Raises:
            LabelError: if ``labels`` lacks a relation of the document.
        """
        mentions = [(mention, e) for e, entity in enumerate(document.entities) for mention in entity.mentions]
        subwords, places = self._lay_out(document, [mention for mention, _ in mentions])
        ids = self._frame(document.title, subwords)
        starts = np.array([places[mention.sentence, mention.start] for mention, _ in mentions], dtype=np.int64)
        starts += len(self.special.prefix)
        owners, kept = np.array([entity for _, entity in mentions], dtype=np.int64), starts < len(ids)
        pairs = pairs_to_score(document, self.type_constraints, prune=self.prune)
        windows = plan_windows(len(ids), self.window, self.special, self.config.window_overlap)
        return Features(
            title=document.title,
            input_ids=ids,
            windows=tuple(windows),
            mention_starts=starts[kept],
            mention_entity=owners[kept],
            entities=len(document.entities),
            pairs=np.array(pairs, dtype=np.int64).reshape(-1, 2),
            labels=None if labels is None else label_matrix(document, labels, pairs),
        )

    def _lay_out(self, document: Document, mentions: Sequence[Mention]) -> tuple[list[int], dict[Place, int]]:
        """Give all subwords of a document with its markers, and where each word (its marker first) begins."""
        before, after = self.markers(mentions)
        known = self._known(word for words in document.sentences for word in words)
        subwords: list[int] = []
        places: dict[Place, int] = {}
        for s, words in enumerate(document.sentences):
            for w, word in enumerate(words):
                places[s, w] = len(subwords)
                subwords += [self.marker] * before[s, w]
                subwords += known[word]
                subwords += [self.marker] * after[s, w]
        return subwords, places

    def _known(self, words: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """Give a table that holds the subwords of every one of the words."""
        if len(self._subwords) > CACHED_WORDS:
            self._subwords = {}
        new = list({word: None for word in words if word not in self._subwords})
        if new:
            pieces = self.tokenizer(new, add_special_tokens=False, return_attention_mask=False)["input_ids"]
            self._subwords.update(zip(new, map(tuple, pieces), strict=True))
        return self._subwords

    def _frame(self, title: str, subwords: list[int]) -> NDArray[np.int64]:
        special = len(self.special.prefix) + len(self.special.suffix)
        limit = self.config.max_length
        if limit is not None and len(subwords) + special > limit:
            message = "document %r: cut from %d to %d subwords (max_length); what follows is not read"
            logger.warning(message, title, len(subwords) + special, limit)
            subwords = subwords[: limit - special]
        return np.array([*self.special.prefix, *subwords, *self.special.suffix], dtype=np.int64)


def label_matrix(document: Document, labels: LabelMap, pairs: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Lay out the relations of a document in the order of pairs, [P, R]; column 0 is true where there is none.

    A relation of a pair that is not among them has no row and is left out.

    Args:
        document: the document with its relations.
        labels: gives the columns.
        pairs: head and tail of each row.

    Raises:
        LabelError: if the label map lacks a relation of the document.
    """
    row = {pair: index for index, pair in enumerate(pairs)}
    matrix = np.zeros((len(pairs), len(labels)), dtype=np.bool_)
    for relation in document.relations:
        column = labels.column(relation.relation)
        if (relation.head, relation.tail) in row:
            matrix[row[relation.head, relation.tail], column] = True
    matrix[:, 0] = ~matrix.any(1)
    return matrix

"""The batch of named tensors that the model takes, collated from the features of several documents.

It is built from numpy arrays, so that models that run without torch can take it too. The letters of shapes are those of
:mod:`atlop.model`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from atlop.features import Features
from atlop.limits import CONTEXT_WEIGHTS
from atlop.names import Names, join_names
from atlop.windows import SpecialSubwords

if TYPE_CHECKING:
    import torch

Array = TypeVar("Array")
"""A numpy array or a torch tensor."""


class ContextBlock(NamedTuple):
    """Unordered pairs of one document: all that begin with certain of its entities."""

    document: int
    """Index of the document in the batch."""
    start: int
    """Index of the first pair in ``Batch.unordered_pairs``."""
    stop: int
    """Index after the last pair."""
    first: int
    """The first entity that a pair may begin with, counted within the document."""
    last: int
    """The entity after the last."""


@dataclass(frozen=True)
class Batch(Generic[Array]):
    """Several documents as the tensors that the model takes."""

    input_ids: Array
    """Subwords of every window, [W, S]."""
    attention_mask: Array
    """1 where a window holds a subword, 0 where it is padded, [W, S]."""
    token_places: Array
    """Position of each subword in the joined documents, document * L + place, or B * L for none, [W, S]."""
    coverage: Array
    """Number of windows that hold each subword, [B, L]."""
    row_positions: Array
    """Positions of mention starts in each window, padded with 0, [W, Q]."""
    row_places: Array
    """Window * Q + column of each used entry of ``row_positions``, [N]."""
    row_mentions: Array
    """The mention that each of them starts, [N]."""
    row_columns: Array
    """For each of them, the position in the document of every subword of its window, L for none, [N, S]."""
    mention_places: Array
    """document * L + place of the subword that stands for each mention, [M]."""
    mention_entity: Array
    """The entity of each mention, [M]."""
    entity_types: Array
    """Type of each entity: its place in ``LabelMap.entity_types``, counted from 1, or 0 for any other, [E]."""
    sentences: Array
    """Sentence of each subword within its document, -1 for none, [B, L]."""
    words: Array
    """Word of each subword within its document, -1 for markers and special subwords, [B, L]."""
    shapes: Array
    """Shape of the word of each subword, numbered as in :mod:`atlop.shapes`, 0 for none, [B, L]."""
    mention_split: Array
    """True for mentions of documents that have several windows, [M]."""
    pairs: Array
    """Head and tail entity of each ordered pair, [P, 2]."""
    pair_contexts: Array
    """The unordered pair of each ordered pair, [P]."""
    reverse_pairs: Array
    """The ordered pair of the same entities in the other order, P for none, [P]."""
    unordered_pairs: Array
    """The entities of each unordered pair, counted within the document, [U, 2]."""
    labels: Array | None
    """True where a pair has a relation, or how probable that is, [P, R]."""
    evidence: Array | None
    """True for the evidence sentences of a pair, or each sentence's share of the evidence, [P, T]."""
    tags: Array | None
    """The tag of the word that each subword begins, -1 for the other subwords, [B, L]."""
    names: Names[Array] | None
    """The names of the mentions, where a head needs them."""
    entity_counts: list[int]
    """Entities of each document."""
    pair_counts: list[int]
    """Ordered pairs of each document."""
    context_blocks: list[ContextBlock]
    """Parts of ``unordered_pairs``, one after another."""
    most_sentences: int
    """Sentences of the document that has the most, T."""
    whole: bool
    """Whether every document is a single window, so that there is nothing to join."""

    @property
    def entities(self) -> int:
        """Number of entities, E."""
        return sum(self.entity_counts)

    def to(self, device: torch.device | str) -> Batch[torch.Tensor]:
        """Return the batch as tensors on a device."""
        import torch

        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        moved: dict[str, Any] = {
            name: torch.as_tensor(value, device=device)
            for name, value in values.items()
            if isinstance(value, np.ndarray | torch.Tensor)
        }
        moved["names"] = None if self.names is None else self.names.to(device)
        return cast("Batch[torch.Tensor]", replace(self, **moved))


def collate(features: Sequence[Features], special: SpecialSubwords, padding: int) -> Batch[NDArray[Any]]:
    """Collate the features of several documents.

    Args:
        features: those of at least one document.
        special: the subwords that frame windows.
        padding: the subword that pads.
    """
    entity_counts = [document.entities for document in features]
    first_entity = np.cumsum([0, *entity_counts])
    windows = _collate_windows(features, special, padding)
    unordered = [_unordered(document.pairs) for document in features]
    first_unordered = np.cumsum([0, *(len(pairs) for pairs, _ in unordered)])
    pairs = np.concatenate([f.pairs + e for f, e in zip(features, first_entity, strict=False)])
    labels = [document.labels for document in features if document.labels is not None]
    tags = [document.tags for document in features if document.tags is not None]
    names = [document.names for document in features if document.names is not None]
    most_sentences = max(document.sentence_count for document in features)
    evidence = [
        np.pad(document.evidence, [(0, 0), (0, most_sentences - document.evidence.shape[1])])
        for document in features
        if document.evidence is not None
    ]
    return Batch(
        **windows,
        mention_entity=np.concatenate([f.mention_entity + e for f, e in zip(features, first_entity, strict=False)]),
        entity_types=np.concatenate([document.entity_types for document in features]),
        sentences=_padded([document.sentences for document in features], -1),
        words=_padded([document.words for document in features], -1),
        shapes=_padded([document.shapes for document in features], 0),
        pairs=pairs,
        reverse_pairs=_reversed(pairs),
        pair_contexts=np.concatenate([i + u for (_, i), u in zip(unordered, first_unordered, strict=False)]),
        unordered_pairs=np.concatenate([pairs for pairs, _ in unordered]),
        labels=np.concatenate(labels) if len(labels) == len(features) else None,
        evidence=np.concatenate(evidence) if len(evidence) == len(features) else None,
        tags=_padded(tags, -1) if len(tags) == len(features) else None,
        names=join_names(names, windows["coverage"].shape[1]) if len(names) == len(features) else None,
        entity_counts=entity_counts,
        pair_counts=[len(document.pairs) for document in features],
        context_blocks=[
            block
            for d, (pairs, _) in enumerate(unordered)
            for block in _blocks(d, pairs, int(first_unordered[d]), entity_counts[d] * windows["coverage"].shape[1])
        ],
        most_sentences=most_sentences,
        whole=all(len(document.windows) == 1 for document in features),
    )


def _blocks(document: int, pairs: NDArray[np.int64], offset: int, size: int) -> Iterator[ContextBlock]:
    """Yield blocks of the unordered pairs [U, 2] of a document, which start at ``offset`` and are sorted.

    Each first entity takes ``size`` numbers, one for each entity and subword of the document.
    """
    some = max(1, CONTEXT_WEIGHTS // max(1, size))
    for first in range(int(pairs[0, 0]), int(pairs[-1, 0]) + 1, some) if len(pairs) else ():
        start, stop = np.searchsorted(pairs[:, 0], (first, first + some)).tolist()
        if start < stop:
            yield ContextBlock(document, offset + start, offset + stop, first, first + some)


def _unordered(pairs: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the distinct unordered pairs [U, 2], and for each ordered pair the index of its own, [P]."""
    size = int(pairs.max(initial=0)) + 1
    keys, inverse = np.unique(pairs.min(1) * size + pairs.max(1), return_inverse=True)
    return np.stack([keys // size, keys % size], 1), inverse.reshape(-1)


def _reversed(pairs: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the place of (t, h) for each pair (h, t), [P]; P if it is not among the pairs [P, 2]."""
    size = int(pairs.max(initial=0)) + 1
    keys, wanted = pairs @ (size, 1), pairs @ (1, size)
    order = np.argsort(keys, kind="stable")
    place = np.searchsorted(keys[order], wanted).clip(max=max(0, len(keys) - 1))
    found = np.append(order, len(pairs))[place]
    return np.where(np.append(keys, -1)[found] == wanted, found, len(pairs))


def _collate_windows(features: Sequence[Features], special: SpecialSubwords, padding: int) -> dict[str, NDArray[Any]]:
    """Return the tensors of the windows and of the positions of their subwords."""
    length = max(len(document.input_ids) for document in features)
    nowhere = len(features) * length
    ids, places, rows = [], [], []
    coverage = np.zeros((len(features), length), dtype=np.int64)
    first_mention = 0
    for d, document in enumerate(features):
        for start, stop in document.windows:
            prefix = special.prefix if start else ()
            suffix = special.break_suffix if stop < len(document.input_ids) else ()
            ids.append(np.concatenate([prefix, document.input_ids[start:stop], suffix]).astype(np.int64))
            inside = np.arange(d * length + start, d * length + stop)
            outer = [np.full(len(part), nowhere) for part in (prefix, suffix)]
            places.append(np.concatenate([outer[0], inside, outer[1]]).astype(np.int64))
            coverage[d, start:stop] += 1
            seen = np.flatnonzero((document.mention_starts >= start) & (document.mention_starts < stop))
            rows.append((document.mention_starts[seen] - start + len(prefix), seen + first_mention))
        first_mention += len(document.mention_starts)
    padded, places_padded = _padded(ids, padding), _padded(places, nowhere)
    mention_document = np.repeat(np.arange(len(features)), [len(f.mention_starts) for f in features])
    split = np.array([len(f.windows) > 1 for f in features])
    return {
        "input_ids": padded,
        "attention_mask": _padded([np.ones(len(row), dtype=np.int64) for row in ids], 0),
        "token_places": places_padded,
        "coverage": coverage,
        **_collate_rows(rows, places_padded, nowhere, length),
        "mention_places": np.concatenate([f.mention_starts for f in features]) + mention_document * length,
        "mention_split": split[mention_document],
    }


def _collate_rows(
    rows: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]], places: NDArray[np.int64], nowhere: int, length: int
) -> dict[str, NDArray[Any]]:
    counts = [len(positions) for positions, _ in rows]
    positions = _padded([positions for positions, _ in rows], 0, least=1)
    window = np.repeat(np.arange(len(rows)), counts)
    column = np.concatenate([np.arange(count) for count in counts])
    columns = np.where(places == nowhere, length, places % length)
    return {
        "row_positions": positions,
        "row_places": window * positions.shape[1] + column,
        "row_mentions": np.concatenate([mentions for _, mentions in rows]),
        "row_columns": columns[window],
    }


def _padded(rows: Sequence[NDArray[np.int64]], filler: int, least: int = 0) -> NDArray[np.int64]:
    width = max([least, *(len(row) for row in rows)])
    table = np.full((len(rows), width), filler, dtype=np.int64)
    for target, row in zip(table, rows, strict=True):
        target[: len(row)] = row
    return table

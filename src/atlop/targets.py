"""What training compares the outputs of a model with, as matrices: relations, evidence and the tags of mentions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from atlop.documents import Document, Mention
from atlop.labels import LabelMap


def label_matrix(document: Document, labels: LabelMap, pairs: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Return the relations of a document as a matrix [P, R]; column 0 is true where a pair has none.

    A relation of a pair that is not listed has no row and is dropped.

    Args:
        document: the document with its relations.
        labels: the label map of the columns.
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


def evidence_matrix(document: Document, pairs: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Return the evidence sentences of the relations of each pair, [P, T]; none where no evidence is annotated."""
    row = {pair: index for index, pair in enumerate(pairs)}
    matrix = np.zeros((len(pairs), len(document.sentences)), dtype=np.bool_)
    for relation in document.relations:
        if (relation.head, relation.tail) in row:
            matrix[row[relation.head, relation.tail], list(relation.evidence or ())] = True
    return matrix


def mention_tags(document: Document, types: Mapping[str, int]) -> NDArray[np.int64]:
    """Return the tag of every word of a document: 2t - 1 where a mention of type t begins, 2t inside it, 0 outside.

    A word has one tag, so of overlapping mentions only the longest is tagged; one whose type has no number is not.

    Args:
        document: the document with its entities.
        types: the number of each type, from 1.
    """
    first = list(accumulate(map(len, document.sentences), initial=0))
    tags = np.zeros(first[-1], dtype=np.int64)
    mentions = [mention for entity in document.entities for mention in entity.mentions if mention.type in types]
    for mention in sorted(mentions, key=_longest_first):
        span = slice(first[mention.sentence] + mention.start, first[mention.sentence] + mention.end)
        if not tags[span].any():
            tags[span] = 2 * types[mention.type]
            tags[span.start] -= 1
    return tags


def _longest_first(mention: Mention) -> tuple[int, int, int]:
    return mention.start - mention.end, mention.sentence, mention.start

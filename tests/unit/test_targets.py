"""The matrices that training compares with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from atlop.documents import Document, Relation
from atlop.labels import LabelMap
from atlop.targets import label_matrix, mention_tags

BuildDocument = Callable[..., Document]
SENTENCE = "Ada Lovelace wrote to Ada ."


def test_label_matrix_has_a_row_for_each_pair_and_a_column_for_each_relation(build_document: BuildDocument) -> None:
    document = build_document(
        [SENTENCE],
        [(0, 0, 1)],
        [(0, 1, 2)],
        [(0, 2, 3)],
        relations=(Relation(0, 2, "P1"), Relation(0, 2, "P3"), Relation(2, 1, "P2")),
    )
    labels = LabelMap(("P1", "P2", "P3"))
    expected = [  # pairs (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)
        [1, 0, 0, 0],
        [0, 1, 0, 1],
        [1, 0, 0, 0],
        [1, 0, 0, 0],
        [1, 0, 0, 0],
        [0, 0, 1, 0],
    ]
    np.testing.assert_array_equal(label_matrix(document, labels, document.pairs), np.array(expected, dtype=bool))


def test_label_matrix_leaves_out_relations_of_pairs_that_are_no_candidates(build_document: BuildDocument) -> None:
    relations = (Relation(0, 1, "P1"), Relation(1, 1, "P1"))
    candidates = ((1, 0), (1, 1))
    document = build_document([SENTENCE], [(0, 0, 1)], [(0, 1, 2)], relations=relations, candidates=candidates)
    assert label_matrix(document, LabelMap(("P1",)), document.pairs).tolist() == [[True, False], [False, True]]


def test_label_matrix_of_a_document_without_pairs_is_empty(build_document: BuildDocument) -> None:
    document = build_document([SENTENCE], [(0, 0, 1)])
    assert label_matrix(document, LabelMap(("P1", "P2")), document.pairs).shape == (0, 3)


def test_tags_begin_a_mention_and_continue_it(build_document: BuildDocument) -> None:
    text = ["Ada Lovelace wrote .", "She met Ada in London"]
    document = build_document(text, [(0, 0, 2, "PER"), (1, 2, 3, "PER")], [(1, 4, 5, "LOC")])
    assert mention_tags(document, {"LOC": 1, "PER": 2}).tolist() == [3, 4, 0, 0, 0, 0, 3, 0, 1]
    assert mention_tags(document, {"LOC": 1}).tolist() == [0] * 8 + [1]


def test_of_mentions_that_overlap_the_longest_is_tagged(build_document: BuildDocument) -> None:
    document = build_document(
        ["Ada Lovelace of London wrote"], [(0, 0, 1, "PER"), (0, 0, 4, "MISC")], [(0, 3, 5, "LOC")], [(0, 4, 5, "LOC")]
    )
    assert mention_tags(document, {"LOC": 1, "PER": 2, "MISC": 3}).tolist() == [5, 6, 6, 6, 1]


def test_mentions_side_by_side_are_two(build_document: BuildDocument) -> None:
    document = build_document(["Ada London Paris"], [(0, 0, 1, "LOC")], [(0, 1, 2, "LOC"), (0, 2, 3, "LOC")])
    assert mention_tags(document, {"LOC": 1}).tolist() == [1, 1, 1]

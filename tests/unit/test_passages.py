"""Passages of long documents."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlop.documents import Document
from atlop.passages import Passage, split


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([], [Passage(0, 0, 0, 0)]),
        ([10], [Passage(0, 1, 0, 1)]),
        ([4, 3, 3], [Passage(0, 3, 0, 3)]),
        ([4, 3, 4], [Passage(0, 2, 0, 2), Passage(1, 3, 2, 3)]),
        ([5, 5, 5], [Passage(0, 2, 0, 2), Passage(2, 3, 2, 3)]),
        # A sentence that is too long is a passage by itself.
        ([1, 20, 1], [Passage(0, 1, 0, 1), Passage(1, 2, 1, 2), Passage(2, 3, 2, 3)]),
        ([20, 2, 2], [Passage(0, 1, 0, 1), Passage(1, 3, 1, 3)]),
        # Two passages share sentences 3 and 4: one for each.
        ([2] * 8, [Passage(0, 5, 0, 4), Passage(3, 8, 4, 8)]),
    ],
)
def test_a_document_is_split_into_whole_sentences(lengths: list[int], expected: list[Passage]) -> None:
    assert split(lengths, most=10, overlap=4) == expected


@given(st.lists(st.integers(0, 12)), st.integers(1, 20), st.integers(0, 10))
def test_every_sentence_belongs_to_one_passage(lengths: list[int], most: int, overlap: int) -> None:
    passages = split(lengths, most=most, overlap=overlap)
    assert [sentence for each in passages for sentence in range(each.own_start, each.own_stop)] == list(
        range(len(lengths))
    )
    for passage in passages:
        assert passage.start <= passage.own_start <= passage.own_stop <= passage.stop
        assert sum(lengths[passage.start : passage.stop]) <= most or passage.stop - passage.start == 1
    for first, second in pairwise(passages):
        assert first.start < second.start <= first.stop < second.stop
        assert sum(lengths[second.start : first.stop]) <= overlap


def test_a_passage_is_a_document_of_its_own(build_document: Callable[..., Document]) -> None:
    document = build_document(
        ["Ada", "wrote to London", "Ada met Lovelace"], [(0, 0, 1), (2, 0, 1)], [(1, 2, 3)], [(0, 0, 1)]
    )
    passage = Passage(1, 3, 2, 3)
    assert passage.of(document) == Document("Document", (("wrote", "to", "London"), ("Ada", "met", "Lovelace")))
    assert list(passage.own) == [1]
    marked, numbers = passage.mark(document, document.entities)
    assert numbers == [0, 1]
    places = [[(mention.sentence, mention.start) for mention in entity.mentions] for entity in marked.entities]
    assert places == [[(1, 0)], [(0, 2)]]

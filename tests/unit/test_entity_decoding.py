"""Tags to mentions and names to entities, worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise, product

import numpy as np
import pytest

from atlop.documents import Document, Mention
from atlop.entity_decoding import best_path, cluster, entities_of, mentions_of, word_tags

BuildDocument = Callable[..., Document]
TYPES = ("LOC", "PER")


def mention(sentence: int, start: int, end: int, kind: str, name: str) -> Mention:
    return Mention(sentence, start, end, kind, name)


def test_the_tag_of_a_word_is_that_of_its_first_subword() -> None:
    words = np.array([-1, 0, 0, 1, -1, 3, 3, -1])
    logits = np.zeros((8, 3), dtype=np.float32)
    logits[np.arange(8), [1, 1, 2, 2, 1, 1, 2, 1]] = 1
    assert word_tags(logits, words, [2, 0, 3]).tolist() == [1, 2, 0, 1, 0]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # O, B and I of the first type, B and I of the second.
        ([[0, 3, 0, 2, 0], [0, 0, 0, 0, 4]], [3, 4]),  # one type for both words, though the first alone is of another
        ([[0, 3, 0, 2, 0], [0, 0, 0, 0, 0.5]], [1, 0]),
        ([[1, 0, 9, 0, 0], [1, 0, 0, 0, 0]], [0, 0]),  # nothing begins inside a mention
        ([[0, 1, 0, 0, 0], [0, 1, 0.5, 0, 0]], [1, 1]),
        ([[0, 0, 0, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 1]], [3, 4, 4]),
        ([[0, 0, 0, 0, 5]], [0]),
    ],
)
def test_the_best_path_begins_every_mention(rows: list[list[float]], expected: list[int]) -> None:
    assert best_path(np.array([rows], dtype=np.float32)).tolist() == [expected]


def test_the_best_path_is_the_best_of_all_that_are_allowed() -> None:
    def allowed(path: tuple[int, ...]) -> bool:
        return all(tag == 0 or tag % 2 or last in (tag - 1, tag) for last, tag in pairwise((0, *path)))

    paths = [path for path in product(range(5), repeat=4) if allowed(path)]
    scores = np.random.default_rng(0).normal(size=(20, 4, 5)).astype(np.float32)
    for row, found in zip(scores, best_path(scores), strict=True):
        assert tuple(found) == max(paths, key=lambda path: float(row[np.arange(4), path].sum()))


def test_every_sentence_is_tagged_by_itself() -> None:
    logits = np.array([[0, 9, 0], [0, 0, 9], [5, 0, 9], [0, 0, 9]], dtype=np.float32)
    assert word_tags(logits, np.arange(4), [2, 2]).tolist() == [1, 2, 1, 2]
    assert word_tags(logits, np.arange(4), [4]).tolist() == [1, 2, 2, 2]


def test_a_text_without_words_has_no_tags() -> None:
    assert word_tags(np.zeros((2, 5), dtype=np.float32), np.array([-1, -1]), []).tolist() == []
    assert word_tags(np.zeros((2, 5), dtype=np.float32), np.array([-1, -1]), [0]).tolist() == []


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ([0, 0, 0], []),
        ([3, 4, 0], [(0, 2, "PER")]),
        ([3, 3, 4], [(0, 1, "PER"), (1, 3, "PER")]),
        ([4, 4, 0], [(0, 2, "PER")]),  # continues no mention, so it begins one
        ([3, 2, 2], [(0, 1, "PER"), (1, 3, "LOC")]),
        ([1, 0, 2], [(0, 1, "LOC"), (2, 3, "LOC")]),
        ([0, 1, 2], [(1, 3, "LOC")]),
    ],
)
def test_tags_mark_mentions(
    build_document: BuildDocument, tags: list[int], expected: list[tuple[int, int, str]]
) -> None:
    document = build_document(["Ada met Lovelace"])
    found = mentions_of(document, np.array(tags), TYPES)
    assert [(each.start, each.end, each.type) for each in found] == expected
    assert all(each.name == " ".join(document.sentences[0][each.start : each.end]) for each in found)


def test_no_mention_crosses_a_sentence(build_document: BuildDocument) -> None:
    document = build_document(["met Ada", "Lovelace wrote"])
    found = mentions_of(document, np.array([0, 3, 4, 0]), TYPES)
    assert found == [mention(0, 1, 2, "PER", "Ada"), mention(1, 0, 1, "PER", "Lovelace")]


def test_mentions_that_read_the_same_get_the_type_of_most(build_document: BuildDocument) -> None:
    document = build_document(["Ada met ADA", "Mary and ada met Mary"])
    found = mentions_of(document, np.array([1, 0, 3, 3, 0, 3, 0, 1]), TYPES)
    assert [(each.name, each.type) for each in found] == [
        ("Ada", "PER"),
        ("ADA", "PER"),
        ("Mary", "PER"),  # of as many, the first
        ("ada", "PER"),
        ("Mary", "PER"),
    ]


def test_mentions_read_the_same_however_their_words_are_spaced() -> None:
    text = "New York, New\nYork"
    document = Document("d", (("New", "York", ",", "New", "York"),), text=text, offsets=((0, 4, 8, 10, 14),))
    found = mentions_of(document, np.array([1, 2, 0, 3, 4]), TYPES)
    assert [(each.name, each.type) for each in found] == [("New York", "LOC"), ("New\nYork", "LOC")]


def test_the_name_of_a_mention_is_what_the_text_reads() -> None:
    text = "Ada  Lovelace, 1840"
    document = Document("d", (("Ada", "Lovelace", ",", "1840"),), text=text, offsets=((0, 5, 13, 15),))
    assert [each.name for each in mentions_of(document, np.array([3, 4, 0, 1]), TYPES)] == ["Ada  Lovelace", "1840"]


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


@pytest.mark.parametrize(
    ("links", "expected"),
    [
        ({}, [[0], [1], [2], [3]]),
        ({(0, 2): 0.9}, [[0, 2], [1], [3]]),
        ({(0, 1): 0.4}, [[0], [1], [2], [3]]),
        # The mean link of 2 to the other two is 0.45.
        ({(0, 1): 0.9, (1, 2): 0.8, (0, 2): 0.1}, [[0, 1], [2], [3]]),
        ({(0, 1): 0.9, (1, 2): 0.8, (0, 2): 0.3}, [[0, 1, 2], [3]]),
        # A pair that is not scored is far apart.
        ({(0, 1): 0.9, (1, 2): 0.8}, [[0, 1], [2], [3]]),
        ({(0, 1): 0.9, (2, 3): 0.9, (1, 2): 0.5}, [[0, 1], [2, 3]]),
    ],
)
def test_names_are_linked_by_their_mean_probability(
    links: dict[tuple[int, int], float], expected: list[list[int]]
) -> None:
    pairs = np.array(list(links), dtype=np.int64).reshape(-1, 2)
    clusters = cluster(4, pairs, np.array(list(map(logit, links.values())), dtype=np.float32))
    groups = [[name for name in range(4) if clusters[name] == number] for number in dict.fromkeys(clusters)]
    assert sorted(groups) == expected


def test_an_offset_links_more() -> None:
    pairs, scores = np.array([[0, 1]]), np.array([-0.5], dtype=np.float32)
    assert len(set(cluster(2, pairs, scores))) == 2
    assert len(set(cluster(2, pairs, scores, offset=1.0))) == 1


def test_scores_of_any_size_are_probabilities() -> None:
    scores = np.array([-1e30, 1e30], dtype=np.float32)
    assert cluster(3, np.array([[0, 1], [1, 2]]), scores) == [0, 1, 1]


def test_no_names_have_no_clusters() -> None:
    assert cluster(0, np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=np.float32)) == []


def test_entities_are_clusters_of_names(build_document: BuildDocument) -> None:
    document = build_document(
        ["Ada met London", "Lovelace met Ada"],
        [(0, 0, 1, "PER")],
        [(0, 2, 3, "LOC")],
        [(1, 0, 1, "PER")],
        [(1, 2, 3, "PER")],
    )
    # The names are Ada, London and Lovelace.
    entities = entities_of(document, [5, 0, 5])
    assert [[each.name for each in entity.mentions] for entity in entities] == [["Ada", "Lovelace", "Ada"], ["London"]]

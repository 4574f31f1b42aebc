"""Tags to mentions and names to entities, worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from atlop.documents import Document, Mention
from atlop.entity_decoding import cluster, entities_of, mentions_of, word_tags

BuildDocument = Callable[..., Document]
TYPES = ("LOC", "PER")


def mention(sentence: int, start: int, end: int, kind: str, name: str) -> Mention:
    return Mention(sentence, start, end, kind, name)


def test_the_tag_of_a_word_is_that_of_its_first_subword() -> None:
    words = np.array([-1, 0, 0, 1, -1, 3, 3, -1])
    logits = np.zeros((8, 3), dtype=np.float32)
    logits[np.arange(8), [1, 1, 2, 2, 1, 2, 1, 1]] = 1
    assert word_tags(logits, words, 5).tolist() == [1, 2, 0, 2, 0]


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

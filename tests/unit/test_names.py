"""Names and how alike they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from atlop.documents import Document
from atlop.names import FEATURES, Spelling, join_names, likeness, name_arrays, names_of, pairs_of

BuildDocument = Callable[..., Document]


def test_mentions_of_one_type_that_read_the_same_are_a_name(build_document: BuildDocument) -> None:
    document = build_document(
        ["Ada Lovelace wrote to ada", "Ada read London in London"],
        [(1, 0, 1, "PER"), (0, 4, 5, "PER"), (0, 0, 2, "PER")],
        [(1, 2, 3, "MISC")],
        [(1, 4, 5, "LOC")],
    )
    names = names_of(document)
    assert [(name.text, name.type, name.entity) for name in names] == [
        ("ada lovelace", "PER", 0),
        ("ada", "PER", 0),
        ("london", "MISC", 1),
        ("london", "LOC", 2),
    ]
    assert [(mention.sentence, mention.start) for mention in names[1].mentions] == [(0, 4), (1, 0)]
    assert pairs_of(names) == [(0, 1)]


def test_a_name_belongs_to_the_entity_of_most_of_its_mentions(build_document: BuildDocument) -> None:
    document = build_document(["Ada Ada Ada"], [(0, 0, 1, "PER")], [(0, 1, 2, "PER"), (0, 2, 3, "PER")])
    assert [name.entity for name in names_of(document)] == [1]


def test_a_document_without_mentions_has_no_names(build_document: BuildDocument) -> None:
    assert names_of(build_document(["Ada wrote ."])) == []


def alike(a: str, b: str) -> dict[str, float]:
    features = likeness(Spelling.of(a), Spelling.of(b))
    assert features == likeness(Spelling.of(b), Spelling.of(a))
    assert all(0 <= feature <= 1 for feature in features)
    return {name: feature for name, feature in zip(FEATURES, features, strict=True) if feature}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (
            "joseph stalin",
            "stalin",
            {
                "pieces of one among those of the other": 1,
                "same last piece": 1,
                "shared pieces": 1 / 2,
                "shared trigrams": 4 / 10,
                "single pieces": 1,
            },
        ),
        ("u.s.", "united states", {"initials of the other": 1, "common beginning": 1 / 12, "single pieces": 1}),
        (
            "16 may 2007",
            "18 may 2007",
            {
                "same last piece": 1,
                "shared pieces": 2 / 4,
                "shared trigrams": 5 / 9,
                "common beginning": 1 / 9,
                "digits that differ": 1,
            },
        ),
        ("sweden", "swedish", {"shared trigrams": 2 / 7, "common beginning": 4 / 7, "single pieces": 1}),
        ("東京", "大阪", {"single pieces": 1}),
    ],
)
def test_likeness(a: str, b: str, expected: dict[str, float]) -> None:
    assert alike(a, b) == pytest.approx(expected)


def test_names_of_the_same_pieces() -> None:
    assert alike("the white-house", "the white house")["same pieces"] == 1


def test_names_of_punctuation_alone_are_not_alike() -> None:
    assert alike("!!!", "???") == {}


def test_names_as_arrays_of_several_documents(build_document: BuildDocument) -> None:
    first = build_document(["Ada met Lovelace", "Ada"], [(0, 0, 1, "PER"), (0, 2, 3, "PER"), (1, 0, 1, "PER")])
    second = build_document(["London Ada"], [(0, 0, 1, "LOC")], [(0, 1, 2, "PER")])
    places = {(0, 0): [1, 2], (0, 2): [5], (1, 0): [], (0, 1): [7]}
    arrays = [
        name_arrays(document, lambda mention: places[mention.sentence, mention.start], types={"PER": 1})
        for document in (first, second)
    ]
    names = join_names(arrays, 10)
    assert names.places.tolist() == [1, 2, 5, 11, 12, 17]
    assert names.owners.tolist() == [0, 0, 1, 2, 2, 3]
    assert names.types.tolist() == [1, 1, 0, 1]
    assert names.pairs.tolist() == [[0, 1]]
    assert names.likeness.shape == (1, len(FEATURES))
    assert names.together.tolist() == [True]


def test_names_of_documents_without_any(build_document: BuildDocument) -> None:
    names = join_names([name_arrays(build_document(["Ada"]), lambda mention: [], types={})] * 2, 5)
    assert (names.pairs.shape, names.likeness.shape, names.places.shape) == ((0, 2), (0, len(FEATURES)), (0,))

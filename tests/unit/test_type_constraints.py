"""Which types training relates, worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import LabelError
from atlop.type_constraints import TypeConstraints

BORN = TypeConstraints(
    {"PER": frozenset({"LOC"}), "LOC": frozenset({"LOC", "ORG"}), "ORG": frozenset(), "NUM": frozenset()}
)
STORED = {"LOC": ["LOC", "ORG"], "NUM": [], "ORG": [], "PER": ["LOC"]}


def typed(*entities: str, relations: tuple[tuple[int, int], ...] = (), **others: Any) -> Document:
    """A document with an entity for each text, which gives the types of its mentions."""
    clusters = tuple(Entity(tuple(Mention(0, 0, 1, kind, "Ada") for kind in types.split())) for types in entities)
    return Document("typed", (("Ada",),), clusters, tuple(Relation(*pair, "P1") for pair in relations), **others)


def test_every_type_is_known_and_those_of_relations_are_connected_in_their_order() -> None:
    first = typed("PER", "LOC", "LOC", "NUM", relations=((0, 1), (1, 2)))
    second = typed("ORG", "LOC", "PER", relations=((1, 0), (2, 1)))
    assert TypeConstraints.of([first, second]) == BORN


def test_an_entity_has_the_types_of_all_of_its_mentions() -> None:
    document = typed("PER ORG PER", "LOC MISC", relations=((0, 1),))
    both = frozenset({"LOC", "MISC"})
    expected = {"PER": both, "ORG": both, "LOC": frozenset[str](), "MISC": frozenset[str]()}
    assert TypeConstraints.of([document]) == TypeConstraints(expected)


def test_an_entity_may_be_related_to_itself() -> None:
    assert TypeConstraints.of([typed("PER ORG", relations=((0, 0),))]).to_json() == {
        "ORG": ["ORG", "PER"],
        "PER": ["ORG", "PER"],
    }


def test_no_documents_show_no_types() -> None:
    assert TypeConstraints.of([]) == TypeConstraints({})


@pytest.mark.parametrize(
    ("head", "tail", "expected"),
    [
        ("PER", "LOC", True),
        ("LOC", "PER", False),
        ("LOC", "LOC", True),
        ("PER", "PER", False),
        ("PER", "ORG", False),
        ("NUM", "NUM", False),
        # One type of several is enough, on either side.
        ("NUM PER", "LOC", True),
        ("NUM PER", "ORG LOC", True),
        ("NUM ORG", "LOC PER", False),
        # The types of two different pairs make no third.
        ("PER NUM", "ORG", False),
        # Of a type that training has not shown nothing is known.
        ("GENE", "NUM", True),
        ("NUM", "GENE", True),
        ("GENE", "GENE", True),
        ("NUM GENE", "NUM", True),
    ],
)
def test_types_are_connected_as_training_showed(head: str, tail: str, expected: bool) -> None:
    assert BORN.connects(frozenset(head.split()), frozenset(tail.split())) is expected


def test_pairs_are_kept_in_their_order() -> None:
    types = ("PER", "LOC", "NUM", "GENE")
    related = [(0, 1), (0, 3), (1, 3), (2, 3), (3, 0), (3, 1), (3, 2)]
    assert BORN.kept(typed(*types)) == tuple(related)
    candidates = ((3, 2), (2, 0), (1, 1), (0, 0), (0, 1))
    assert BORN.kept(typed(*types, candidates=candidates)) == ((3, 2), (1, 1), (0, 1))
    assert BORN.kept(typed()) == ()


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A document of up to four entities with types of three and relations between any of them."""
    types = draw(st.lists(st.lists(st.sampled_from("ABC"), min_size=1, max_size=3), max_size=4))
    pairs = list(product(range(len(types)), repeat=2))
    relations = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=4)) if pairs else []
    return typed(*map(" ".join, types), relations=tuple(relations), candidates=tuple(pairs))


def combinations(document: Document, pair: tuple[int, int]) -> Iterator[tuple[str, str]]:
    """Go through every type of a mention of the head and every type of a mention of the tail."""
    head, tail = (document.entities[entity].mentions for entity in pair)
    return ((first.type, second.type) for first in head for second in tail)


@given(st.lists(documents(), max_size=3), documents())
def test_a_pair_is_kept_where_a_relation_or_an_unknown_type_speaks_for_it(
    training: list[Document], document: Document
) -> None:
    seen = {mention.type for text in training for entity in text.entities for mention in entity.mentions}
    related = {types for text in training for r in text.relations for types in combinations(text, (r.head, r.tail))}
    expected = [
        pair
        for pair in document.pairs
        if any(types in related or not seen.issuperset(types) for types in combinations(document, pair))
    ]
    assert list(TypeConstraints.of(training).kept(document)) == expected


@given(st.lists(documents(), max_size=3))
def test_no_relation_of_the_training_documents_is_skipped(training: list[Document]) -> None:
    type_constraints = TypeConstraints.of(training)
    for document in training:
        assert {(relation.head, relation.tail) for relation in document.relations} <= set(
            type_constraints.kept(document)
        )


def test_is_stored_with_all_that_it_holds() -> None:
    assert BORN.to_json() == STORED
    assert TypeConstraints.from_json(STORED) == BORN


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        (None, "None (NoneType)"),
        (["PER"], "['PER'] (list)"),
        ({"PER": "LOC"}, "{'PER': 'LOC'} (dict)"),
        ({"PER": ["LOC"], "LOC": [1]}, "{'PER': ['LOC'], 'LOC': [1]} (dict)"),
    ],
)
def test_a_stored_form_that_is_none_is_told(stored: Any, shown: str) -> None:
    with pytest.raises(LabelError) as caught:
        TypeConstraints.from_json(stored)
    expected = "expected {head type: [tail type, ...], ...}"
    assert str(caught.value) == f"label map: type_constraints: got {shown}, {expected}"

"""The types that training relates and lists, worked out by hand."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import LabelError
from atlop.labels import LabelMap
from atlop.type_constraints import CandidateTypes, TypeConstraints, UnknownTypes, pairs_to_score

BORN = TypeConstraints(
    {"PER": frozenset({"LOC"}), "LOC": frozenset({"LOC", "ORG"}), "ORG": frozenset(), "NUM": frozenset()}
)
STORED = {"LOC": ["LOC", "ORG"], "NUM": [], "ORG": [], "PER": ["LOC"]}


def kept(constraints: TypeConstraints, document: Document) -> tuple[tuple[int, int], ...]:
    """The pairs of a document that pruning leaves."""
    return pairs_to_score(document, constraints, prune=True)


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
        "type_constraints": {"ORG": ["ORG", "PER"], "PER": ["ORG", "PER"]}
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
    assert kept(BORN, typed(*types)) == tuple(related)
    candidates = ((3, 2), (2, 0), (1, 1), (0, 0), (0, 1))
    assert kept(BORN, typed(*types, candidates=candidates)) == ((3, 2), (1, 1), (0, 1))
    assert kept(BORN, typed()) == ()


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
    assert list(kept(TypeConstraints.of(training), document)) == expected


@given(st.lists(documents(), max_size=3))
def test_no_relation_of_the_training_documents_is_skipped(training: list[Document]) -> None:
    type_constraints = TypeConstraints.of(training)
    for document in training:
        assert {(relation.head, relation.tail) for relation in document.relations} <= set(
            kept(type_constraints, document)
        )


CDR = CandidateTypes(frozenset({("Chemical", "Disease"), ("Disease", "Chemical")}))
"""CDR lists chemicals with diseases; the entity that the text names first is the head."""

GDA = CandidateTypes(frozenset({("Disease", "Gene")}))
"""GDA lists diseases with genes, in whatever order the text names them."""


def spread(*entities: tuple[str, str | None], **others: Any) -> Document:
    """A document of one sentence that mentions an entity, given by type and identifier, at every word."""
    words = tuple(f"word{place}" for place in range(len(entities)))
    clusters = tuple(
        Entity((Mention(0, place, place + 1, kind, words[place]),), identifier)
        for place, (kind, identifier) in enumerate(entities)
    )
    return Document("spread", (words,), clusters, **others)


def listing(types: str, *pairs: tuple[int, int]) -> Document:
    """A training document that lists candidates; every entity has a type of one letter."""
    return spread(*((kind, "D") for kind in types), candidates=pairs)


LISTED = {
    "in the order of the text": ([listing("CDDC", (0, 1), (0, 2), (1, 3), (2, 3))], "CD DC", False),
    "in the order of the types": ([listing("CDDC", (0, 1), (0, 2), (3, 1), (3, 2))], "CD", False),
    "types that explain more than the text": ([listing("GDDG", (1, 0), (2, 0), (1, 3), (0, 2))], "DG", False),
    "one order of one type": ([listing("CCC", (0, 1), (0, 2), (1, 2))], "CC", False),
    "in both orders": ([listing("CD", (0, 1), (1, 0)), listing("DC", (0, 1), (1, 0))], "CD DC", True),
}


@pytest.mark.parametrize(("documents", "types", "both_orders"), LISTED.values(), ids=LISTED)
def test_the_types_and_the_order_of_candidates_are_learned(
    documents: list[Document], types: str, both_orders: bool
) -> None:
    expected = CandidateTypes(frozenset((two[0], two[1]) for two in types.split()), both_orders)
    assert TypeConstraints.of(documents).candidates == expected


def test_without_a_list_in_every_document_there_are_no_candidate_types() -> None:
    assert TypeConstraints.of([listing("CD", (0, 1)), spread(("C", None), ("D", None))]).candidates is None
    assert TypeConstraints.of([listing("CD"), listing("C")]).candidates is None
    # A document without two entities has nothing to list.
    assert TypeConstraints.of([listing("CD", (0, 1)), spread(("C", None))]).candidates is not None


C, D = ("Chemical", "D1"), ("Disease", "D2")
SCORED: dict[str, tuple[CandidateTypes, Document, tuple[tuple[int, int], ...]]] = {
    "the entity that the text names first is the head": (CDR, spread(D, C, D), ((0, 1), (1, 2))),
    "the types say which entity is the head": (GDA, spread(("Gene", "1"), D, ("Gene", "2")), ((1, 0), (1, 2))),
    "both orders": (dataclasses.replace(CDR, both_orders=True), spread(C, D), ((0, 1), (1, 0))),
    "unidentified entities are left out": (CDR, spread(C, D, ("Disease", None), ("Chemical", None)), ((0, 1),)),
    "unless no entity is identified": (CDR, spread(("Chemical", None), ("Disease", None)), ((0, 1),)),
    "types that are never candidates": (CDR, spread(C, C, ("Gene", "1"), ("Gene", "2")), ()),
    "candidates of its own": (CDR, spread(C, C, D, candidates=((1, 0), (2, 1))), ((1, 0), (2, 1))),
    "no candidates of its own": (CDR, spread(C, D, candidates=()), ()),
}


@pytest.mark.parametrize(("candidates", "document", "pairs"), SCORED.values(), ids=SCORED)
def test_pairs_are_scored_as_the_training_documents_list_them(
    candidates: CandidateTypes, document: Document, pairs: tuple[tuple[int, int], ...]
) -> None:
    constraints = TypeConstraints({"Chemical": frozenset({"Disease"}), "Disease": frozenset()}, candidates)
    assert pairs_to_score(document, constraints, prune=False) == pairs


def test_pruning_also_applies_to_candidates() -> None:
    constraints = TypeConstraints({"Chemical": frozenset({"Disease"}), "Disease": frozenset()}, CDR)
    assert pairs_to_score(spread(D, C, D), constraints, prune=True) == ((1, 2),)


@pytest.mark.parametrize("constraints", [None, TypeConstraints({"Chemical": frozenset()})])
def test_without_candidate_types_every_ordered_pair_is_scored(constraints: TypeConstraints | None) -> None:
    assert pairs_to_score(spread(C, D), constraints, prune=False) == ((0, 1), (1, 0))


def test_new_types_are_named_once(caplog: pytest.LogCaptureFixture) -> None:
    unknown = UnknownTypes(TypeConstraints({"PER": frozenset(), "LOC": frozenset()}))
    with caplog.at_level(logging.WARNING):
        for document in (typed("PER LOC"), typed("Disease", "PER Chemical"), typed("Disease"), typed("Gene")):
            unknown.warn([document])
    trained = "the model was trained on LOC, PER and finds few or no relations of other types"
    assert [record.getMessage() for record in caplog.records] == [
        f"entities of type Chemical, Disease: {trained}",
        f"entities of type Gene: {trained}",
    ]


def test_many_new_types_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        UnknownTypes(TypeConstraints({"PER": frozenset()})).warn([typed("A B C D E F G")])
    assert caplog.messages[0].startswith("entities of type A, B, C, D, E and 2 more: the model was trained on PER")


def test_a_model_that_does_not_know_its_types_never_warns(caplog: pytest.LogCaptureFixture) -> None:
    UnknownTypes(None).warn([typed("Disease")])
    assert not caplog.records


def test_is_stored_with_all_that_it_holds() -> None:
    assert BORN.to_json() == {"type_constraints": STORED}
    both = dataclasses.replace(BORN, candidates=CDR)
    types = [["Chemical", "Disease"], ["Disease", "Chemical"]]
    assert both.to_json() == {
        "type_constraints": STORED,
        "candidate_types": {"types": types, "both_orders": False},
    }
    for constraints in (BORN, both):
        assert TypeConstraints.from_json(constraints.to_json()) == constraints
        labels = LabelMap(("CID",), type_constraints=constraints)
        assert LabelMap.from_json(labels.to_json()) == labels
    assert TypeConstraints.from_json({}) is None


TAILS = "{head type: [tail type, ...], ...}"
CANDIDATES = '{"types": [[head type, tail type], ...], "both_orders": true or false}'


@pytest.mark.parametrize(
    ("key", "stored", "shown", "expected"),
    [
        ("type_constraints", None, "None (NoneType)", TAILS),
        ("type_constraints", ["PER"], "['PER'] (list)", TAILS),
        ("type_constraints", {"PER": "LOC"}, "{'PER': 'LOC'} (dict)", TAILS),
        ("type_constraints", {"PER": ["LOC"], "LOC": [1]}, "{'PER': ['LOC'], 'LOC': [1]} (dict)", TAILS),
        ("candidate_types", None, "None (NoneType)", CANDIDATES),
        ("candidate_types", {"types": []}, "{'types': []} (dict)", CANDIDATES),
        ("candidate_types", {"types": 1, "both_orders": True}, "{'types': 1, 'both_orders': True} (dict)", CANDIDATES),
        ("candidate_types", {"types": [], "both_orders": 1}, "{'types': [], 'both_orders': 1} (dict)", CANDIDATES),
        (
            "candidate_types",
            {"types": [["A"]], "both_orders": True},
            "{'types': [['A']], 'both_orders': True} (dict)",
            CANDIDATES,
        ),
    ],
)
def test_a_malformed_object_is_told(key: str, stored: Any, shown: str, expected: str) -> None:
    with pytest.raises(LabelError) as caught:
        TypeConstraints.from_json({"type_constraints": {}, key: stored})
    assert str(caught.value) == f"label map: {key}: got {shown}, expected {expected}"

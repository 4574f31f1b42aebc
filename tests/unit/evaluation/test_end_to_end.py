"""Scores of predicted entities, compared with counts derived by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import ScoringError
from atlop.evaluation import Counts, EndToEndScores, evaluate_end_to_end

WORDS = tuple(
    ["Ada", "Lovelace", "met", "Babbage", "in", "London", ".", "She", "liked", "Babbage", "'s", "London", "."]
)
SENTENCES = (WORDS[:7], WORDS[7:])
ADA, SHE, BABBAGE, AGAIN, LONDON, LATER = (0, 0, 2), (1, 0, 1), (0, 3, 4), (1, 2, 3), (0, 5, 6), (1, 4, 5)
"""The mentions, as sentence, first word and word after the last."""

Place = tuple[int, int, int]


def entity(kind: str, *places: Place) -> Entity:
    return Entity(tuple(Mention(*place, kind, "any name") for place in places))


def document(entities: Sequence[Entity], *facts: tuple[int, int, str], title: str = "A") -> Document:
    return Document(title, SENTENCES, tuple(entities), tuple(Relation(*fact) for fact in facts))


PEOPLE = (entity("PER", ADA, SHE), entity("PER", BABBAGE, AGAIN), entity("LOC", LONDON, LATER))
GOLD = document(PEOPLE, (0, 2, "lives in"), (1, 2, "lives in"), (0, 1, "knows"))


def scores(*entities: Entity, facts: Sequence[tuple[int, int, str]] = ()) -> EndToEndScores:
    return evaluate_end_to_end([GOLD], [document(entities, *facts)])


# --- each level by hand -----------------------------------------------------------------------------------------------


def test_a_mention_is_right_if_its_span_is() -> None:
    # Right: Ada Lovelace, London. Wrong: Lovelace alone, Babbage 's. Missed: she, London again, Babbage twice.
    found = scores(entity("ORG", ADA, (0, 1, 2)), entity("PER", LONDON, (1, 2, 4)))
    assert found.mention == Counts(tp=2, fp=2, fn=4)


def test_a_cluster_is_right_if_all_of_its_spans_are() -> None:
    # Ada is complete, Babbage lacks a mention, London is complete with a wrong type.
    found = scores(entity("PER", SHE, ADA), entity("PER", BABBAGE), entity("ORG", LONDON, LATER))
    assert found.coreference == Counts(tp=2, fp=1, fn=1)
    assert found.entity == Counts(tp=1, fp=2, fn=2)


def test_a_cluster_with_a_mention_too_many_is_wrong() -> None:
    assert scores(entity("PER", ADA, SHE, BABBAGE)).coreference == Counts(tp=0, fp=1, fn=3)


def test_two_entities_in_one_cluster_are_wrong() -> None:
    assert scores(entity("PER", ADA, SHE, BABBAGE, AGAIN)).coreference == Counts(tp=0, fp=1, fn=3)


def test_a_strict_fact_needs_the_types_of_both_entities() -> None:
    entities = (PEOPLE[0], PEOPLE[1], entity("ORG", LONDON, LATER))
    found = scores(*entities, facts=[(0, 2, "lives in"), (0, 1, "knows"), (1, 0, "knows")])
    # London has the wrong type, Babbage knows Ada is not labelled, and that he lives in London is missed.
    assert found.relation_strict == Counts(tp=1, fp=2, fn=2)
    assert found.relation == Counts(tp=2, fp=1, fn=1)
    assert found.relation_soft == Counts(tp=2, fp=1, fn=1)


def test_a_soft_fact_needs_one_mention_of_each_entity() -> None:
    # Ada lacks a mention, and London has a wrong one besides.
    entities = (entity("PER", ADA), entity("LOC", LATER, (1, 3, 5)), entity("LOC", (0, 4, 5)))
    found = scores(*entities, facts=[(0, 1, "lives in"), (0, 2, "lives in"), (0, 1, "knows")])
    assert found.relation == found.relation_strict == Counts(tp=0, fp=3, fn=3)
    assert found.relation_soft == Counts(tp=1, fp=2, fn=2)


def test_overlapping_spans_do_not_match_softly() -> None:
    found = scores(entity("PER", (0, 1, 2)), entity("LOC", LONDON), facts=[(0, 1, "lives in")])
    assert found.relation_soft == Counts(tp=0, fp=1, fn=3)


def test_the_direction_of_a_fact_counts() -> None:
    found = scores(*PEOPLE, facts=[(2, 0, "lives in")])
    assert found.relation_soft == found.relation == Counts(tp=0, fp=1, fn=3)


def test_a_gold_fact_is_matched_once() -> None:
    """Both halves of Ada live in London: one of them is a false positive."""
    halves = (entity("PER", ADA), entity("PER", SHE), PEOPLE[2])
    found = scores(*halves, facts=[(0, 2, "lives in"), (1, 2, "lives in")])
    assert found.relation_soft == Counts(tp=1, fp=1, fn=2)


def test_a_predicted_fact_is_matched_once() -> None:
    """One cluster of both persons lives in London: one of the two gold facts is found."""
    found = scores(entity("PER", ADA, BABBAGE), PEOPLE[2], facts=[(0, 1, "lives in")])
    assert found.relation_soft == Counts(tp=1, fp=0, fn=2)


def test_as_many_facts_as_possible_are_matched() -> None:
    """The cluster of both must take Babbage, as the other can only be Ada, in whichever order they come."""
    both, ada = entity("PER", ADA, BABBAGE), entity("PER", SHE)
    for entities in ((both, ada, PEOPLE[2]), (ada, both, PEOPLE[2])):
        found = scores(*entities, facts=[(0, 2, "lives in"), (1, 2, "lives in")])
        assert found.relation_soft == Counts(tp=2, fp=0, fn=1)


# --- what is one thing ------------------------------------------------------------------------------------------------


def test_a_repeated_mention_counts_once() -> None:
    gold = document([entity("PER", ADA, ADA, SHE)])
    found = evaluate_end_to_end([gold], [document([entity("PER", ADA, SHE)])])
    assert (found.mention, found.coreference) == (Counts(tp=2), Counts(tp=1))


def test_a_span_of_two_entities_is_one_mention_and_part_of_both() -> None:
    gold = document([entity("PER", ADA, SHE), entity("MISC", ADA), entity("LOC", LONDON)], (1, 2, "written in"))
    found = evaluate_end_to_end([gold], [gold])
    assert (found.mention, found.coreference, found.entity) == (Counts(tp=3), Counts(tp=3), Counts(tp=3))
    part = document([entity("PER", ADA), entity("LOC", LONDON)], (0, 1, "written in"))
    found = evaluate_end_to_end([gold], [part])
    assert (found.mention, found.coreference, found.entity) == (
        Counts(tp=2, fn=1),
        Counts(tp=2, fn=1),
        Counts(tp=1, fp=1, fn=2),
    )
    assert (found.relation_strict, found.relation) == (Counts(fp=1, fn=1), Counts(tp=1))


def test_entities_with_the_same_spans_are_one_with_the_type_of_the_first() -> None:
    twice = document([entity("PER", ADA), entity("ORG", ADA), PEOPLE[2]], (0, 2, "lives in"), (1, 2, "lives in"))
    once = document([entity("PER", ADA), PEOPLE[2]], (0, 1, "lives in"))
    for gold, predicted in ((twice, once), (once, twice)):
        found = evaluate_end_to_end([gold], [predicted])
        assert (found.coreference, found.entity) == (Counts(tp=2), Counts(tp=2))
        assert found.relation_strict == found.relation == found.relation_soft == Counts(tp=1)


def test_the_type_of_an_entity_is_that_of_its_first_mention() -> None:
    mixed = Entity((Mention(*ADA, "PER", "Ada"), Mention(*SHE, "MISC", "she")))
    assert evaluate_end_to_end([document([mixed])], [document([PEOPLE[0]])]).entity == Counts(tp=1)
    assert evaluate_end_to_end([document([PEOPLE[0]])], [document([mixed])]).entity == Counts(tp=1)


def test_the_split_into_sentences_does_not_count() -> None:
    moved = tuple(
        Entity(tuple(replace(m, sentence=0, start=m.start + 7 * m.sentence, end=m.end + 7 * m.sentence) for m in found))
        for found in (entity.mentions for entity in PEOPLE)
    )
    predicted = Document("A", (WORDS,), moved, GOLD.relations)
    assert evaluate_end_to_end([GOLD], [predicted]) == evaluate_end_to_end([GOLD], [GOLD])


# --- several documents ------------------------------------------------------------------------------------------------


def test_documents_are_joined_by_title() -> None:
    """The same spans of another document are something else."""
    other = document([entity("PER", ADA)], title="B")
    found = evaluate_end_to_end([document([entity("PER", SHE)]), other], [other, document([entity("PER", ADA)])])
    assert found.mention == Counts(tp=1, fp=1, fn=1)


def test_a_missing_document_costs_recall_and_an_unknown_one_precision() -> None:
    found = evaluate_end_to_end([GOLD], [replace(GOLD, title="C"), replace(GOLD, title="B")])
    assert found.unknown_titles == ("B", "C")
    assert found.mention == Counts(fp=12, fn=6)
    assert found.relation_strict == found.relation == found.relation_soft == Counts(fp=6, fn=3)


def test_nothing_scores_nothing() -> None:
    assert set(evaluate_end_to_end([], []).to_json().values()) == {0.0}


def test_the_scores_have_these_names_in_json() -> None:
    entities = (PEOPLE[0], entity("PER", BABBAGE), entity("ORG", LONDON, LATER))
    stored = scores(*entities, facts=[(0, 2, "lives in"), (0, 1, "knows")]).to_json()
    assert stored == {
        # Five of six mentions; two of three clusters, one of them with its type; one soft fact more than plain ones.
        "mention_f1": pytest.approx(10 / 11),
        "coreference_f1": pytest.approx(2 / 3),
        "entity_f1": pytest.approx(1 / 3),
        "relation_f1_strict": 0.0,
        "relation_f1": pytest.approx(2 / 5),
        "relation_f1_soft": pytest.approx(4 / 5),
        "mention_precision": 1.0,
        "coreference_precision": pytest.approx(2 / 3),
        "entity_precision": pytest.approx(1 / 3),
        "relation_precision_strict": 0.0,
        "relation_precision": 0.5,
        "relation_precision_soft": 1.0,
        "mention_recall": pytest.approx(5 / 6),
        "coreference_recall": pytest.approx(2 / 3),
        "entity_recall": pytest.approx(1 / 3),
        "relation_recall_strict": 0.0,
        "relation_recall": pytest.approx(1 / 3),
        "relation_recall_soft": pytest.approx(2 / 3),
    }
    assert list(stored)[:6] == [
        "mention_f1",
        "coreference_f1",
        "entity_f1",
        "relation_f1_strict",
        "relation_f1",
        "relation_f1_soft",
    ]


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sentences", "difference"),
    [
        ((("Ada", "lovelace"), WORDS[2:]), "got 'lovelace' as word 1, expected 'Lovelace'"),
        ((WORDS[:9],), "got the end of the text as word 9, expected 'Babbage'"),
        ((WORDS, ("More",)), "got 'More' as word 13, expected the end of the text"),
    ],
)
def test_documents_of_one_title_have_the_same_words(sentences: tuple[tuple[str, ...], ...], difference: str) -> None:
    with pytest.raises(ScoringError) as caught:
        evaluate_end_to_end([GOLD], [Document("A", sentences)])
    rest = "as in the gold document with this title; predict on the words of gold"
    assert str(caught.value) == f"predictions: document 'A': {difference}, {rest}"


@pytest.mark.parametrize(("gold", "predicted", "side"), [(2, 1, "gold"), (1, 2, "predictions")])
def test_a_title_occurs_once_on_each_side(gold: int, predicted: int, side: str) -> None:
    with pytest.raises(ScoringError, match=f"^{side}: got several documents with one title, 'A'; expected each once"):
        evaluate_end_to_end([GOLD] * gold, [GOLD] * predicted)


# --- properties -------------------------------------------------------------------------------------------------------

PLACES = st.tuples(st.just(0), st.integers(0, 2), st.integers(3, 4))
ENTITIES = st.lists(
    st.builds(entity, st.sampled_from(["PER", "LOC"]), PLACES, PLACES) | st.builds(entity, st.just("PER"), PLACES),
    min_size=1,
    max_size=5,
)


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A short text with few possible spans, so that clusters often share some."""
    entities = draw(ENTITIES)
    ends = st.integers(0, len(entities) - 1)
    facts = draw(st.sets(st.tuples(ends, ends, st.sampled_from("rs")), min_size=1, max_size=8))
    return document(entities, *sorted(facts))


@given(documents())
def test_gold_against_itself_is_all_right(gold: Document) -> None:
    assert set(evaluate_end_to_end([gold], [gold]).to_json().values()) == {1.0}


@given(documents(), documents())
def test_each_score_of_relations_forgives_what_the_stricter_one_does(gold: Document, predicted: Document) -> None:
    found = evaluate_end_to_end([gold], [predicted])
    assert found.relation_soft.tp >= found.relation.tp >= found.relation_strict.tp
    assert found.relation_soft.f1 >= found.relation.f1 >= found.relation_strict.f1
    assert found.coreference.f1 >= found.entity.f1


@given(documents(), documents())
def test_exchanging_the_sides_exchanges_precision_and_recall(gold: Document, predicted: Document) -> None:
    there, back = evaluate_end_to_end([gold], [predicted]), evaluate_end_to_end([predicted], [gold])
    for level in ("mention", "coreference", "entity", "relation_strict", "relation", "relation_soft"):
        one, other = getattr(there, level), getattr(back, level)
        assert (one.tp, one.fp, one.fn) == (other.tp, other.fn, other.fp)

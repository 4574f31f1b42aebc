"""Scores compared with counts derived by hand."""

from __future__ import annotations

import subprocess
import sys

import pytest

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import DataError, ScoringError
from atlop.evaluation import (
    FREQUENT_RELATIONS,
    Counts,
    evaluate,
    evaluate_by_identifier,
    facts_from_triples,
    facts_of,
)

SENTENCES = tuple(tuple(f"w{word}" for word in range(4)) for _ in range(6))


def entity(name: str, *sentences: int, also: str | None = None, identifier: str | None = None) -> Entity:
    """One mention in every sentence given; the last one is called ``also`` where that is given."""
    names = [name] * len(sentences)
    if also is not None:
        names[-1] = also
    mentions = (Mention(sentence, 0, 1, "X", called) for sentence, called in zip(sentences, names, strict=True))
    return Entity(tuple(mentions), identifier)


# Ada and Byron share no sentence; Ada and Rome share sentence 2 by their second mentions only; Byron and Rome share
# sentence 1.
ENTITIES = (entity("Ada", 0, 2, also="Lovelace"), entity("Byron", 1), entity("Rome", 1, 2))
ADA, BYRON, ROME = range(3)


def document(
    *facts: tuple[int, int, str] | tuple[int, int, str, tuple[int, ...]],
    title: str = "A",
    entities: tuple[Entity, ...] = ENTITIES,
    candidates: tuple[tuple[int, int], ...] | None = None,
) -> Document:
    relations = tuple(Relation(*fact) for fact in facts)
    return Document(title, SENTENCES, entities, relations, candidates)


def zero_scores() -> dict[str, float]:
    return dict.fromkeys(evaluate([document()], [document()], train_facts=frozenset()).to_json(), 0.0)


# --- all facts --------------------------------------------------------------------------------------------------------


def test_facts_are_joined_by_title_and_places() -> None:
    gold = [document((ADA, BYRON, "P22"), (ADA, ROME, "P19")), document((BYRON, ROME, "P20"), title="B")]
    predicted = [document((BYRON, ROME, "P20"), title="B"), document((ADA, BYRON, "P22"), (BYRON, ADA, "P22"))]
    scores = evaluate(gold, predicted)
    assert scores.facts == Counts(tp=2, fp=1, fn=1)
    assert (scores.precision, scores.recall) == (2 / 3, 2 / 3)
    assert scores.f1 == pytest.approx(2 / 3)


def test_several_relations_of_one_pair_are_several_facts() -> None:
    gold = document((ADA, BYRON, "P22"), (ADA, BYRON, "P40"))
    assert evaluate([gold], [document((ADA, BYRON, "P40"), (ADA, BYRON, "P7"))]).facts == Counts(1, 1, 1)


def test_nothing_predicted_scores_zero() -> None:
    gold = [document((ADA, BYRON, "P22", (0,)), (BYRON, ROME, "P17"))]
    for predicted in ([], [document()]):
        scores = evaluate(gold, predicted, train_facts=frozenset())
        assert scores.facts == Counts(fn=2)
        assert scores.to_json() == zero_scores()


def test_nothing_labelled_scores_zero() -> None:
    predicted = [document((ADA, BYRON, "P22", (0,)), (BYRON, ROME, "P17"))]
    scores = evaluate([document()], predicted, train_facts=frozenset())
    assert scores.facts == Counts(fp=2)
    assert scores.to_json() == zero_scores()


def test_no_documents_at_all_score_zero() -> None:
    assert evaluate([], [], train_facts=frozenset()).to_json() == zero_scores()


def test_a_gold_document_without_prediction_costs_recall() -> None:
    gold = [document((ADA, BYRON, "P22")), document((ADA, BYRON, "P22"), title="B")]
    assert evaluate(gold, gold[:1]).facts == Counts(tp=1, fn=1)


def test_an_unknown_title_costs_precision_and_is_named() -> None:
    gold = [document((ADA, BYRON, "P22", (0,)))]
    stray = [document((ADA, ROME, "P17", (1, 2)), (ADA, BYRON, "P22", (0,)), title=title) for title in "ZY"]
    scores = evaluate(gold, [*gold, *stray])
    assert scores.unknown_titles == ("Y", "Z")
    assert scores.facts == Counts(tp=1, fp=4)
    assert scores.frequent == Counts(fp=2)
    assert scores.long_tail == Counts(tp=1, fp=2)
    # Without a gold document there are no mentions to measure a distance by and no evidence to compare with.
    assert scores.inter == Counts(tp=1)
    assert scores.intra == Counts()
    assert scores.evidence == Counts(tp=1, fn=1)


def test_an_entity_that_gold_does_not_have_costs_precision() -> None:
    gold = document((ADA, BYRON, "P22"))
    more = (*ENTITIES, entity("Elsewhere", 3))
    scores = evaluate([gold], [document((ADA, BYRON, "P22"), (ADA, 3, "P22"), (3, ADA, "P22"), entities=more)])
    assert scores.facts == Counts(tp=1, fp=2)
    assert scores.intra + scores.inter == Counts(tp=1)


def test_a_self_pair_is_a_fact_within_a_sentence() -> None:
    scores = evaluate([document((ADA, ADA, "P1"))], [document((ADA, ADA, "P1"), (ROME, ROME, "P1"))])
    assert scores.facts == scores.intra == Counts(tp=1, fp=1)
    assert scores.inter == Counts()


def test_one_title_twice_is_refused() -> None:
    once, twice = [document()], [document(), document(title="B"), document()]
    expected = "expected each once, as gold and predictions are joined by title"
    with pytest.raises(ScoringError) as caught:
        evaluate(twice, once)
    assert str(caught.value) == f"gold: got several documents with one title, 'A'; {expected}"
    with pytest.raises(ScoringError) as caught:
        evaluate(once, twice)
    assert str(caught.value) == f"predictions: got several documents with one title, 'A'; {expected}"


def test_many_titles_twice_are_named_in_part() -> None:
    documents = [document(title=title) for title in "GFEDCBA" * 2]
    with pytest.raises(ScoringError) as caught:
        evaluate_by_identifier(documents, [])
    assert "with one title, 'A', 'B', 'C', 'D', 'E' and 2 more; expected" in str(caught.value)


# --- parts ------------------------------------------------------------------------------------------------------------


def test_one_shared_sentence_makes_a_fact_intra() -> None:
    gold = document((ADA, ROME, "P19"), (BYRON, ROME, "P20"), (ADA, BYRON, "P22"), (BYRON, ADA, "P40"))
    scores = evaluate([gold], [document((ADA, ROME, "P19"), (ROME, ADA, "P19"), (ADA, BYRON, "P22"))])
    assert scores.intra == Counts(tp=1, fp=1, fn=1)
    assert scores.inter == Counts(tp=1, fn=1)


def test_distance_is_taken_from_gold_mentions() -> None:
    far = tuple(entity(name, sentence) for sentence, name in enumerate(("Ada", "Byron", "Rome")))
    scores = evaluate([document((ADA, ROME, "P19"))], [document((ADA, ROME, "P19"), entities=far)])
    assert (scores.intra, scores.inter) == (Counts(tp=1), Counts())


def test_frequent_relations_and_the_long_tail() -> None:
    assert len(FREQUENT_RELATIONS) == 10
    gold = document((ADA, ROME, "P27"), (BYRON, ROME, "P27"), (ADA, BYRON, "P22"))
    scores = evaluate([gold], [document((ADA, ROME, "P27"), (ADA, ROME, "P17"), (ADA, BYRON, "P22"))])
    assert scores.frequent == Counts(tp=1, fp=1, fn=1)
    assert scores.long_tail == Counts(tp=1)


# --- evidence ---------------------------------------------------------------------------------------------------------


def test_evidence_counts_the_sentences_of_every_claimed_fact() -> None:
    gold = document((ADA, ROME, "P19", (0, 1, 2)), (ADA, BYRON, "P22", (3,)))
    predicted = document((ADA, ROME, "P19", (1, 2, 4)), (BYRON, ROME, "P20", (3,)))
    evidence = evaluate([gold], [predicted]).evidence
    assert evidence.tp == 2
    assert evidence.precision == 2 / 4  # of sentences 1, 2, 4 and 3
    assert evidence.recall == 2 / 5  # of sentences 0, 1, 2 and 3, and the one that the published scorer adds


def test_unknown_evidence_costs_no_precision_where_only_annotated_facts_count() -> None:
    gold = document((ADA, ROME, "P19", (0, 1)), (ADA, BYRON, "P22"))
    predicted = document((ADA, ROME, "P19", (0,)), (ADA, BYRON, "P22", (2, 3)), (BYRON, ROME, "P20", (3,)))
    scores = evaluate([gold], [predicted])
    assert scores.evidence == Counts(tp=1, fp=3, fn=2)
    assert scores.annotated_evidence == Counts(tp=1, fp=1, fn=2)


def test_evidence_named_twice_counts_once() -> None:
    gold = document((ADA, ROME, "P19", (2,)))
    assert evaluate([gold], [document((ADA, ROME, "P19", (2, 2)))]).evidence == Counts(tp=1, fn=1)


def test_predictions_without_evidence_score_zero() -> None:
    gold = document((ADA, ROME, "P19", (0, 1)))
    scores = evaluate([gold], [document((ADA, ROME, "P19"))])
    assert scores.f1 == 1.0
    assert (scores.evidence.precision, scores.evidence.recall, scores.evidence.f1) == (0.0, 0.0, 0.0)


# --- Ign F1 -----------------------------------------------------------------------------------------------------------


def test_ign_leaves_known_facts_out_of_precision_alone() -> None:
    gold = document((ADA, ROME, "P19"), (BYRON, ROME, "P20"), (ADA, BYRON, "P22"))
    predicted = document((ADA, ROME, "P19"), (BYRON, ROME, "P20"), (ROME, ADA, "P19"), (ROME, BYRON, "P20"))
    known = frozenset({("Ada", "Rome", "P19"), ("Rome", "Ada", "P19"), ("Ada", "Byron", "P22")})
    scores = evaluate([gold], [predicted], train_facts=known)
    assert scores.correct_in_train == 1  # the other two are claimed wrongly, or not claimed
    assert scores.ign_precision == 1 / 3  # (2 - 1) / (4 - 1)
    assert scores.ign_f1 == pytest.approx(2 * (1 / 3) * (2 / 3) / (1 / 3 + 2 / 3))


@pytest.mark.parametrize(
    ("known", "hits"),
    [
        (("Lovelace", "Rome", "P19"), 1),  # by the second mention of the head
        (("Ada", "Roma", "P19"), 1),  # by the second mention of the tail
        (("ada", "Rome", "P19"), 0),
        (("Rome", "Ada", "P19"), 0),
        (("Ada", "Rome", "P20"), 0),
    ],
)
def test_ign_matches_any_names_letter_for_letter(known: tuple[str, str, str], hits: int) -> None:
    entities = (ENTITIES[ADA], ENTITIES[BYRON], entity("Rome", 1, 2, also="Roma"))
    gold = document((ADA, ROME, "P19"), entities=entities)
    assert evaluate([gold], [gold], train_facts=frozenset({known})).correct_in_train == hits


def test_ign_is_zero_when_every_right_fact_is_known() -> None:
    gold = document((ADA, ROME, "P19"))
    scores = evaluate([gold], [gold], train_facts=facts_of([gold]))
    assert (scores.f1, scores.ign_precision, scores.ign_f1) == (1.0, 0.0, 0.0)


def test_ign_is_unknown_without_train_facts() -> None:
    gold = document((ADA, ROME, "P19"))
    scores = evaluate([gold], [gold])
    assert (scores.correct_in_train, scores.ign_precision, scores.ign_f1) == (None, None, None)
    assert scores.to_json()["ign_f1"] is None


def test_ign_without_any_train_fact_is_f1() -> None:
    gold = document((ADA, ROME, "P19"), (BYRON, ROME, "P20"))
    scores = evaluate([gold], [document((ADA, ROME, "P19"), (ROME, ADA, "P19"))], train_facts=frozenset())
    assert scores.ign_f1 == scores.f1 == 0.5


# --- training facts ---------------------------------------------------------------------------------------------------


def test_facts_of_documents_take_every_name() -> None:
    facts = facts_of([document((ADA, ROME, "P19")), document((BYRON, ROME, "P20"), title="B")])
    assert facts == {("Ada", "Rome", "P19"), ("Lovelace", "Rome", "P19"), ("Byron", "Rome", "P20")}


def test_facts_from_triples() -> None:
    assert facts_from_triples([["Ada", "Rome", "P19"], ["Ada", "Rome", "P19"]]) == {("Ada", "Rome", "P19")}


@pytest.mark.parametrize(
    ("triples", "message"),
    [
        ({"Ada": "Rome"}, "got {'Ada': 'Rome'} (dict), expected a list of [head name, tail name, relation]"),
        ([["Ada", "Rome", "P19"], "abc"], "[1]: got 'abc' (str), expected [head name, tail name, relation]"),
        ([["Ada", "Rome"]], "[0]: got ['Ada', 'Rome'] (list), expected [head name, tail name, relation]"),
        ([["Ada", "Rome", 19]], "[0]: got ['Ada', 'Rome', 19] (list), expected [head name, tail name, relation]"),
    ],
)
def test_facts_from_malformed_triples(triples: object, message: str) -> None:
    with pytest.raises(DataError) as caught:
        facts_from_triples(triples)
    assert str(caught.value) == message


# --- the biomedical counts --------------------------------------------------------------------------------------------


def test_only_listed_candidates_count() -> None:
    gold = document((ADA, ROME, "CID"), (BYRON, ROME, "CID"), candidates=((ADA, ROME), (ADA, BYRON)))
    scores = evaluate([gold], [document((ADA, ROME, "CID"), (ADA, BYRON, "CID"), (ROME, BYRON, "CID"))])
    assert scores.facts == Counts(tp=1, fp=1)


def test_no_listed_candidates_leave_nothing_to_count() -> None:
    gold = document((ADA, ROME, "CID"), candidates=())
    assert evaluate([gold], [document((ADA, ROME, "CID"))]).facts == Counts()


def test_candidates_of_predictions_do_not_matter() -> None:
    predicted = document((ADA, ROME, "CID"), candidates=((ADA, BYRON),))
    assert evaluate([document((ADA, ROME, "CID"))], [predicted]).facts == Counts(tp=1)


def test_relations_by_title_count_as_documents_do() -> None:
    gold = [document((ADA, BYRON, "P22", (0,)), (ADA, ROME, "P27")), document((BYRON, ROME, "P17"), title="B")]
    predicted = [document((ADA, BYRON, "P22", (0, 1)), (ROME, ADA, "P27")), document((ADA, ROME, "P1"), title="C")]
    by_title = {each.title: each.relations for each in predicted}
    assert evaluate(gold, by_title) == evaluate(gold, predicted)


def test_enormous_indices_are_false_positives() -> None:
    gold = [document((ADA, BYRON, "P22"))]
    claims = (Relation(ADA, 10**9, "P22"), Relation(10**19, 10**19, "P17", (10**19,)), Relation(ADA, BYRON, "P22"))
    scores = evaluate(gold, {"A": claims, "Z": claims[:1]})
    assert (scores.facts, scores.intra + scores.inter) == (Counts(tp=1, fp=3), Counts(tp=1))
    assert scores.unknown_titles == ("Z",)


DRUGS = (entity("lithium", 0, identifier="D1"), entity("cyanosis", 1, identifier="D2"), entity("it", 2))


def test_identifiers_join_entities_of_another_order() -> None:
    gold = document((0, 1, "CID"), entities=DRUGS)
    predicted = document((2, 0, "CID"), entities=(DRUGS[1], DRUGS[2], DRUGS[0]), candidates=((2, 0),))
    assert evaluate_by_identifier([gold], [predicted]) == Counts(tp=1)


def test_identifiers_count_the_relation_but_not_which_entity_is_the_head() -> None:
    gold = document((0, 1, "CID"), entities=DRUGS)
    predicted = document((1, 0, "CID"), (0, 1, "NR"), entities=DRUGS)
    assert evaluate_by_identifier([gold], [predicted]) == Counts(tp=1, fp=1)


def test_identifiers_count_labelled_pairs_that_were_no_candidates() -> None:
    named = (*DRUGS[:2], entity("coma", 2, identifier="D3"))
    gold = document((0, 1, "CID"), (0, 2, "CID"), entities=named)
    predicted = document((0, 1, "CID"), entities=named[:2], candidates=((0, 1),))
    assert evaluate_by_identifier([gold], [predicted]) == Counts(tp=1, fn=1)


def test_identifiers_of_several_clusters_are_one_fact() -> None:
    split = (*DRUGS[:2], entity("lithium salt", 3, identifier="D1"))
    predicted = document((0, 1, "CID"), (2, 1, "CID"), entities=split)
    assert evaluate_by_identifier([document((0, 1, "CID"), entities=DRUGS)], [predicted]) == Counts(tp=1)


def test_a_predicted_entity_without_identifier_costs_precision() -> None:
    gold = document((0, 1, "CID"), entities=DRUGS)
    predicted = document((0, 1, "CID"), (2, 1, "CID"), (0, 2, "CID"), entities=DRUGS)
    assert evaluate_by_identifier([gold], [predicted]) == Counts(tp=1, fp=2)


def test_predicted_entities_without_identifier_are_distinguished() -> None:
    entities = (*DRUGS, entity("they", 3))
    predicted = document((2, 1, "CID"), (3, 1, "CID"), entities=entities)
    assert evaluate_by_identifier([document(entities=DRUGS)], [predicted]) == Counts(fp=2)


def test_relations_by_title_are_about_the_entities_of_gold() -> None:
    gold = document((0, 1, "CID"), entities=DRUGS)
    claims = (Relation(1, 0, "CID"), Relation(2, 1, "CID"), Relation(0, 10**19, "CID"))
    assert evaluate_by_identifier([gold], {"A": claims, "B": claims[:1]}) == Counts(tp=1, fp=3)


def test_relations_by_title_may_be_about_the_entities_of_other_documents() -> None:
    gold = document((0, 1, "CID"), entities=DRUGS)
    other = document(entities=(DRUGS[2], DRUGS[1], DRUGS[0]))
    claims = {"A": (Relation(2, 1, "CID"),)}
    assert evaluate_by_identifier([gold], claims, entities=[other]) == Counts(tp=1)
    assert evaluate_by_identifier([gold], claims) == Counts(fp=1, fn=1)


def test_documents_of_one_side_only_count_by_identifier() -> None:
    gold = document((0, 1, "CID"), entities=DRUGS)
    predicted = document((0, 1, "CID"), entities=DRUGS, title="B")
    assert evaluate_by_identifier([gold], [predicted]) == Counts(fp=1, fn=1)


def test_a_gold_entity_without_identifier_is_refused() -> None:
    gold = document((0, 1, "CID"), (0, 2, "CID"), entities=DRUGS)
    with pytest.raises(ScoringError) as caught:
        evaluate_by_identifier([gold], [])
    place = "gold: document 'A': relations[1]: got entity 2 without an identifier"
    assert str(caught.value) == f"{place}, expected one for every related entity; use evaluate() instead"


# --- the module -------------------------------------------------------------------------------------------------------


def test_evaluation_needs_no_torch() -> None:
    code = "import atlop.evaluation, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

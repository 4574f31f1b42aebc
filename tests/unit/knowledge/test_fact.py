from __future__ import annotations

from atlop.documents import Document, Relation
from atlop.knowledge import Cluster, Fact, Passage, Source


def test_facts_keep_their_sentences_and_offsets(two_documents: list[Document]) -> None:
    source = Source.of(two_documents[0])
    text = two_documents[0].text or ""
    ada = Cluster("Ada", 0, "PER", (Passage(0, "Ada Lovelace", (0, 12)), Passage(1, "Lovelace", (20, 28))))
    kingdom = Cluster("Ada", 1, "LOC", (Passage(2, "United Kingdom", (36, 50)),))
    sentences = (Passage(0, "Ada Lovelace here .", (0, 19)), Passage(2, "United Kingdom here .", (36, 57)))
    assert source.facts[0] == Fact(ada, kingdom, "P27", "country of citizenship", sentences, True, 0.75)
    assert [text[slice(*passage.span or ())] for passage in (*ada.mentions, *sentences)] == [
        "Ada Lovelace",
        "Lovelace",
        "Ada Lovelace here .",
        "United Kingdom here .",
    ]


def test_without_evidence_a_fact_has_the_closest_sentences(two_documents: list[Document]) -> None:
    fact = Source.of(two_documents[1]).facts[0]
    assert (fact.is_evidence, fact.document, fact.confidence) == (False, "Engine", None)
    assert fact.sentences == (Passage(0, "Ada Lovelace here."), Passage(1, "the United Kingdom here."))


def test_a_relation_has_one_name_in_a_document(two_documents: list[Document]) -> None:
    relations = (Relation(1, 0, "P1", name="second"), Relation(0, 1, "P1", name="first"))
    facts = Source.of(two_documents[0].with_relations(relations)).facts
    assert [(fact.head.index, fact.name) for fact in facts] == [(0, "first"), (1, "first")]


def test_a_name_that_only_a_later_fact_has_is_that_of_all(two_documents: list[Document]) -> None:
    relations = (Relation(0, 1, "P1"), Relation(1, 0, "P1", name="second"), Relation(2, 0, "P2"))
    facts = Source.of(two_documents[0].with_relations(relations)).facts
    assert [fact.name for fact in facts] == ["second", "second", None]

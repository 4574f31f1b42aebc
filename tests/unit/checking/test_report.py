"""The report as a whole: what is counted, and which findings a file and its dev documents have."""

from __future__ import annotations

from dataclasses import replace

from atlop.checking import Finding, Report, check
from atlop.documents import Document, Entity, Mention, Relation

SENTENCES = (("Ada", "met", "Babbage", "in", "London", "."), ("Rome", "."))
ENTITIES = (
    Entity((Mention(0, 0, 1, "PER", "Ada"),)),
    Entity((Mention(0, 2, 3, "PER", "Babbage"),)),
    Entity((Mention(0, 4, 5, "LOC", "London"),)),
    Entity((Mention(1, 0, 1, "LOC", "Rome"),)),
)
FACTS = (Relation(0, 2, "lives in", (0,)), Relation(1, 2, "lives in", (0,)))
FINE = Document("A", SENTENCES, ENTITIES, FACTS)
SINGLE = "type pairs of a relation that occur once"


def findings(report: Report) -> dict[str, int]:
    return {finding.what: finding.count for finding in report.findings}


def test_a_report_counts_what_there_is() -> None:
    report = check([FINE])
    counts = {"documents": 1, "sentences": 2, "words": 8, "entities": 4, "mentions": 4, "relations": 2}
    assert report == Report(counts, {"PER": 2, "LOC": 2}, {"lives in": 2}, ())
    stored = {"types": {"PER": 2, "LOC": 2}, "labels": {"lives in": 2}, "findings": []}
    assert report.to_json() == counts | stored


def test_nothing_is_odd_about_nothing() -> None:
    assert check([]).findings == ()


def test_names_are_in_the_order_of_their_frequency() -> None:
    facts = (Relation(0, 1, "knows"), *FACTS)
    assert list(check([replace(FINE, relations=facts)]).relations) == ["lives in", "knows"]


def test_a_finding_keeps_the_first_places_with_their_titles() -> None:
    odd = [
        Document(str(number), ((*SENTENCES[0], str(number)),), ENTITIES[:3], (Relation(0, 0, "is"),))
        for number in range(6)
    ]
    (found,) = check(odd).findings
    assert found.what == "relations of an entity with itself"
    assert found.count == 6
    assert found.examples == tuple(f"'{number}': relations[0]: is of 'Ada'" for number in range(5))
    assert found.to_json() == {"what": found.what, "count": 6, "examples": list(found.examples)}


def test_repeated_documents_are_found() -> None:
    report = check([FINE, FINE, replace(FINE, title="B", sentences=(*SENTENCES, ("!",)))])
    assert report.findings == (
        Finding("documents with the same title", 1, ("'A' 2 times",)),
        Finding("documents with the same text", 1, ("'A', 'A'",)),
    )


def test_missing_evidence_is_odd_only_where_others_have_some() -> None:
    bare = tuple(replace(fact, evidence=None) for fact in FACTS)
    assert findings(check([replace(FINE, relations=bare)])) == {}
    assert findings(check([replace(FINE, relations=(FACTS[0], bare[1]))])) == {"relations without evidence": 1}


def test_missing_relations_are_odd_only_where_others_have_some() -> None:
    bare = Document("B", (("Ada", "Babbage"),), (ENTITIES[0], Entity((Mention(0, 1, 2, "PER", "Babbage"),))))
    assert findings(check([bare])) == {}
    assert findings(check([bare, FINE])) == {"no relations": 1}


def test_type_pairs_that_occur_once_are_named() -> None:
    (found,) = check([replace(FINE, relations=(*FACTS, Relation(0, 1, "lives in", (0,))))]).findings
    assert found == Finding(SINGLE, 1, ("lives in of PER and PER: 'A': 'Ada' lives in 'Babbage'",))


def test_malformed_documents_are_a_finding() -> None:
    assert check([], malformed=["a.json: broken"]).findings == (Finding("malformed documents", 1, ("a.json: broken",)),)


def test_dev_documents_are_compared_with_the_training_documents() -> None:
    new = (Relation(0, 2, "visits"), Relation(1, 2, "visits"), FACTS[0])
    dev = [FINE, replace(FINE, title="B", sentences=(*SENTENCES, ("More", "words")), relations=new)]
    dev += [Document("C", (("other", "text"),), (Entity((Mention(0, 0, 1, "MISC", "other"),)),))]
    assert check([FINE], dev=dev).findings == (
        Finding("dev documents with a training title", 1, ("'A'",)),
        Finding("dev documents with a training text", 1, ("'A' is 'A'",)),
        Finding("dev documents that nearly repeat a training text", 1, ("'B' shares 100% with 'A'",)),
        Finding("relations only in dev", 1, ("'visits' (2)",)),
        Finding("entity types only in dev", 1, ("'MISC' (1)",)),
    )


def test_names_that_differ_from_their_words_are_found() -> None:
    report = check([replace(FINE, entities=(*ENTITIES[:3], Entity((Mention(1, 0, 1, "LOC", "Paris"),))))])
    assert findings(report) == {"names that differ from their words": 1}


def test_dev_documents_without_anything_new_are_fine() -> None:
    dev = Document("B", (("Bo", "in", "Oslo"),), (Entity((Mention(0, 0, 1, "PER", "Bo"),)),))
    assert check([FINE], dev=[dev]).findings == ()

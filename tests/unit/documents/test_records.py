from __future__ import annotations

import atlop
from atlop.documents import Document, Entity, Mention, Relation

DRUG = Entity((Mention(0, 0, 1, "Chemical", "Insulin"), Mention(0, 2, 3, "Drug", "it")), "D007328")
DISEASE = Entity((Mention(0, 1, 2, "Disease", "diabetes"),))
DOCUMENT = Document(
    "a",
    (("Insulin", "diabetes", "it"),),
    (DRUG, DISEASE),
    (Relation(0, 1, "treats", (0,), 0.75, "is used for"), Relation(1, 0, "is")),
)
RECORDS = [
    {
        "title": "a",
        "head": "Insulin",
        "head_type": "Chemical",
        "relation": "treats",
        "name": "is used for",
        "tail": "diabetes",
        "tail_type": "Disease",
        "confidence": 0.75,
        "evidence": (0,),
        "head_index": 0,
        "tail_index": 1,
        "head_identifier": "D007328",
        "tail_identifier": None,
    },
    {
        "title": "a",
        "head": "diabetes",
        "head_type": "Disease",
        "relation": "is",
        "name": None,
        "tail": "Insulin",
        "tail_type": "Chemical",
        "confidence": None,
        "evidence": None,
        "head_index": 1,
        "tail_index": 0,
        "head_identifier": None,
        "tail_identifier": "D007328",
    },
]


def test_each_relation_is_a_record() -> None:
    assert list(atlop.to_records([Document("b", ()), DOCUMENT])) == RECORDS
    assert [list(record) for record in atlop.to_records([DOCUMENT])] == [list(RECORDS[0])] * 2


def test_one_document_is_enough() -> None:
    assert list(atlop.to_records(DOCUMENT)) == RECORDS

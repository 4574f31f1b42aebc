from __future__ import annotations

from typing import Any

import pytest

from atlop.documents import Relation
from atlop.errors import DataError


def test_a_fact_is_what_is_claimed() -> None:
    assert Relation(0, 1, "P27", evidence=(1,), confidence=0.5).fact == (0, 1, "P27")


def test_the_display_name_does_not_count_in_a_comparison() -> None:
    named, unnamed = Relation(0, 1, "P27", name="country"), Relation(0, 1, "P27")
    assert named == unnamed
    assert hash(named) == hash(unnamed)


@pytest.mark.parametrize(
    ("relation", "shown"),
    [
        (Relation(0, 3, "P19", None, 0.984, "place of birth"), "Relation(0 -> 3, P19 'place of birth', 0.98)"),
        (Relation(3, 3, "P19"), "Relation(3 -> 3, P19)"),
        (Relation(0, 3, "P19", (0, 2)), "Relation(0 -> 3, P19, evidence=[0, 2])"),
    ],
)
def test_a_relation_prints_in_one_line(relation: Relation, shown: str) -> None:
    assert repr(relation) == shown


ILLEGAL = {
    "a negative head": ({"head": -1}, "head: got -1 (int), expected a non-negative integer"),
    "a tail as a string": ({"tail": "1"}, "tail: got '1' (str), expected a non-negative integer"),
    "an empty relation": ({"relation": ""}, "relation: got '' (str), expected a non-empty string"),
    "a number as a relation": ({"relation": 27}, "relation: got 27 (int), expected a non-empty string"),
    "a list as evidence": ({"evidence": [0]}, "evidence: got [0] (list), expected a tuple"),
    "a string in evidence": ({"evidence": ("0",)}, "evidence[0]: got '0' (str), expected the index of a sentence"),
    "a negative sentence": ({"evidence": (0, -1)}, "evidence[1]: got -1 (int), expected a non-negative integer"),
    "a confidence above 1": ({"confidence": 1.5}, "confidence: got 1.5 (float), expected a number from 0 to 1"),
    "a confidence that is NaN": (
        {"confidence": float("nan")},
        "confidence: got nan (float), expected a number from 0 to 1",
    ),
    "a truth value as confidence": ({"confidence": True}, "confidence: got True (bool), expected a number from 0 to 1"),
    "a string as confidence": ({"confidence": "1"}, "confidence: got '1' (str), expected a number from 0 to 1"),
    "a number as display name": ({"name": 5}, "name: got 5 (int), expected a string"),
}


@pytest.mark.parametrize(("changes", "message"), ILLEGAL.values(), ids=ILLEGAL)
def test_every_field_is_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        Relation(**{"head": 0, "tail": 1, "relation": "P27", **changes})
    assert str(caught.value) == message

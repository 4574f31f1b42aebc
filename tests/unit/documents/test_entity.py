from __future__ import annotations

from typing import Any

import pytest

from atlop.documents import Entity, Mention
from atlop.errors import DataError

ADA = Mention(0, 0, 2, "PER", "Ada Lovelace")
POET = Mention(1, 0, 1, "JOB", "poet")


def test_an_entity_has_the_name_and_type_of_its_first_mention() -> None:
    entity = Entity((ADA, POET))
    assert (entity.name, entity.type, entity.types) == ("Ada Lovelace", "PER", {"PER", "JOB"})


@pytest.mark.parametrize(
    ("entity", "shown"),
    [
        (Entity((ADA, POET)), "Entity('Ada Lovelace', type='PER', mentions=2)"),
        (Entity((POET,), "Q1"), "Entity('poet', type='JOB', mentions=1, identifier='Q1')"),
    ],
)
def test_an_entity_prints_in_one_line(entity: Entity, shown: str) -> None:
    assert repr(entity) == shown


MENTIONS = {
    "a negative sentence": ((-5, 9, 2, "7", ""), "sentence: got -5 (int), expected a non-negative integer"),
    "a truth value as a sentence": (
        (True, 0, 1, "A", ""),
        "sentence: got True (bool), expected a non-negative integer",
    ),
    "a start that is a fraction": ((0, 0.0, 1, "A", ""), "start: got 0.0 (float), expected a non-negative integer"),
    "an integer of 5,000 digits": (
        (0, -(10**5000), 1, "A", ""),
        "start: got <too large to show> (int), expected a non-negative integer",
    ),
    "an end before the start": (
        (0, 9, 2, "A", ""),
        "end: got 2 (int), expected an integer above the start, 9, as end is the index after the last word",
    ),
    "an end that is not a number": (
        (0, 9, None, "A", ""),
        "end: got None (NoneType), expected an integer above the start, 9, as end is the index after the last word",
    ),
    "a number as a type": ((0, 0, 1, 7, ""), "type: got 7 (int), expected a non-empty string"),
    "an empty type": ((0, 0, 1, "", ""), "type: got '' (str), expected a non-empty string"),
    "no name": ((0, 0, 1, "A", None), "name: got None (NoneType), expected a string"),
}


@pytest.mark.parametrize(("fields", "message"), MENTIONS.values(), ids=MENTIONS)
def test_a_mention_checks_its_fields(fields: tuple[Any, ...], message: str) -> None:
    with pytest.raises(DataError) as caught:
        Mention(*fields)
    assert str(caught.value) == message


ENTITIES = {
    "no mention": (((),), "mentions: got none, expected at least one mention"),
    "a list of mentions": (([],), "mentions: got [] (list), expected a tuple"),
    "a string as a mention": ((("Ada",),), "mentions[0]: got 'Ada' (str), expected a Mention"),
    "a number as an identifier": (((ADA,), 5), "identifier: got 5 (int), expected a string"),
}


@pytest.mark.parametrize(("fields", "message"), ENTITIES.values(), ids=ENTITIES)
def test_an_entity_checks_its_fields(fields: tuple[Any, ...], message: str) -> None:
    with pytest.raises(DataError) as caught:
        Entity(*fields)
    assert str(caught.value) == message

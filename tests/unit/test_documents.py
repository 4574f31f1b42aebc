from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import DataError

SENTENCES = (("Ada", "Lovelace", "wrote", "."), ("She", "was", "English", "."))
ADA = Entity((Mention(0, 0, 2, "PER", "Ada Lovelace"), Mention(1, 0, 1, "PER", "She")), "Q7259")
ENGLAND = Entity((Mention(1, 2, 3, "LOC", "English"),))
TEXT = "Ada Lovelace wrote. She was English."
OFFSETS = ((0, 4, 13, 18), (20, 24, 28, 35))


def document(**changes: Any) -> Document:
    """A valid document with some fields changed."""
    fields = {"title": "Ada", "sentences": SENTENCES, "entities": (ADA, ENGLAND), **changes}
    return Document(**fields)


def mention(**changes: Any) -> dict[str, Any]:
    """The entities of a document whose first mention has some fields changed."""
    return {"entities": (Entity((dataclasses.replace(ADA.mentions[0], **changes),)),)}


def relation(*fields: Any, **others: Any) -> dict[str, Any]:
    return {"relations": (Relation(*fields, **others),)}


def test_an_entity_is_called_as_its_first_mention() -> None:
    assert (ADA.name, ADA.type) == ("Ada Lovelace", "PER")


def test_a_fact_is_what_is_claimed() -> None:
    assert Relation(0, 1, "P27", evidence=(1,), confidence=0.5).fact == (0, 1, "P27")


@pytest.mark.parametrize(
    ("entities", "pairs"),
    [
        ((), ()),
        ((ADA,), ()),
        ((ADA, ENGLAND, ADA), ((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))),
    ],
)
def test_all_ordered_pairs_are_to_decide(entities: tuple[Entity, ...], pairs: tuple[tuple[int, int], ...]) -> None:
    assert document(entities=entities).pairs == pairs


@pytest.mark.parametrize("candidates", [(), ((1, 0),), ((1, 1), (0, 1))])
def test_listed_candidates_take_the_place_of_all_pairs(candidates: tuple[tuple[int, int], ...]) -> None:
    assert document(candidates=candidates).pairs == candidates


def test_a_mention_covers_characters_of_the_text() -> None:
    whole = document(text=TEXT, offsets=OFFSETS)
    assert [whole.span(place) for place in (*ADA.mentions, *ENGLAND.mentions)] == [(0, 12), (20, 23), (28, 35)]


def test_without_a_text_there_are_no_characters() -> None:
    with pytest.raises(DataError) as caught:
        document().span(ADA.mentions[0])
    expected = "document 'Ada': text: the document holds no raw text, so a mention has no character span"
    assert str(caught.value) == expected


def test_other_relations_leave_the_rest_as_it_is() -> None:
    before = document(candidates=((0, 1),), text=TEXT, offsets=OFFSETS, relations=(Relation(0, 1, "P27"),))
    after = before.with_relations((Relation(1, 0, "P19"),))
    assert after.relations == (Relation(1, 0, "P19"),)
    assert before.relations == (Relation(0, 1, "P27"),)
    assert after.with_relations(before.relations) == before


@pytest.mark.parametrize("kind", [Mention(0, 0, 1, "PER", "Ada"), ADA, Relation(0, 1, "P27"), document()])
def test_nothing_can_be_changed(kind: Any) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(kind, dataclasses.fields(kind)[0].name, 1)


LEGAL = {
    "nothing but a title": {"sentences": (), "entities": ()},
    "an empty sentence": {"sentences": ((), ("a",)), "entities": ()},
    "a blank word": {"sentences": (("\u00a0", " "),), "entities": ()},
    "a name that differs from its words": mention(name="Countess of Lovelace"),
    "an empty name": mention(name=""),
    "mentions that repeat, of one entity and of two": {"entities": (Entity(ADA.mentions[:1] * 2), ADA)},
    "mixed types": {"entities": (Entity((ADA.mentions[0], ENGLAND.mentions[0])),)},
    "a self-pair": relation(1, 1, "P1"),
    "two relations of one pair": {"relations": (Relation(0, 1, "P27"), Relation(0, 1, "P19"))},
    "empty evidence": relation(0, 1, "P27", evidence=()),
    "certain": relation(0, 1, "P27", confidence=1),
    "impossible": relation(0, 1, "P27", confidence=0.0),
}


@pytest.mark.parametrize("changes", LEGAL.values(), ids=LEGAL)
def test_what_real_files_hold_is_legal(changes: dict[str, Any]) -> None:
    built = document(**changes)
    assert {name: getattr(built, name) for name in changes} == changes


TWO_SENTENCES, TWO_ENTITIES = (
    f"expected an index from 0 to 1, as there are 2 {of}" for of in ("sentences", "entities")
)
FOUR_WORDS = "expected an index from 0 to 3, as there are 4 words in sentence 0"
LAST_WORD = "as the mention starts at 0 in sentence 0 of 4 words"

ILLEGAL = {
    "an empty title": ({"title": ""}, "title: got '' (str), expected a text of at least one character"),
    "an empty word": (
        {"sentences": (("Ada", ""),), "entities": ()},
        "sentences[0][1]: got '' (str), expected a text of at least one character",
    ),
    "a word that is no text": (
        {"sentences": (("Ada",), (None,)), "entities": ()},
        "sentences[1][0]: got None (NoneType), expected a text of at least one character",
    ),
    "an entity without mentions": (
        {"entities": (ADA, Entity(()))},
        "entities[1].mentions: got none, expected at least one mention",
    ),
    "a sentence beyond the last": (
        mention(sentence=2),
        f"entities[0].mentions[0].sentence: got 2 (int), {TWO_SENTENCES}",
    ),
    "a sentence before the first": (
        mention(sentence=-1),
        f"entities[0].mentions[0].sentence: got -1 (int), {TWO_SENTENCES}",
    ),
    "a truth value as a sentence": (
        mention(sentence=True),
        f"entities[0].mentions[0].sentence: got True (bool), {TWO_SENTENCES}",
    ),
    "a sentence of a document without any": (
        {"sentences": (), "entities": (ENGLAND,)},
        "entities[0].mentions[0].sentence: got 1 (int), expected no index at all, as there are 0 sentences",
    ),
    "a start beyond the last word": (mention(start=4), f"entities[0].mentions[0].start: got 4 (int), {FOUR_WORDS}"),
    "a start that is a fraction": (mention(start=0.0), f"entities[0].mentions[0].start: got 0.0 (float), {FOUR_WORDS}"),
    "an end beyond the last word": (
        mention(end=5),
        f"entities[0].mentions[0].end: got 5 (int), expected a word index from 1 to 4, {LAST_WORD}",
    ),
    "an end at the start": (
        mention(end=0),
        f"entities[0].mentions[0].end: got 0 (int), expected a word index from 1 to 4, {LAST_WORD}",
    ),
    "an empty type": (
        mention(type=""),
        "entities[0].mentions[0].type: got '' (str), expected a text of at least one character",
    ),
    "a name that is no text": (
        mention(name=None),
        "entities[0].mentions[0].name: got None (NoneType), expected a text",
    ),
    "a head beyond the last entity": (relation(2, 1, "P27"), f"relations[0].head: got 2 (int), {TWO_ENTITIES}"),
    "a tail as a text": (relation(0, "1", "P27"), f"relations[0].tail: got '1' (str), {TWO_ENTITIES}"),
    "a relation without a name": (
        relation(0, 1, ""),
        "relations[0].relation: got '' (str), expected a text of at least one character",
    ),
    "evidence beyond the last sentence": (
        relation(0, 1, "P27", evidence=(0, 2)),
        f"relations[0].evidence[1]: got 2 (int), {TWO_SENTENCES}",
    ),
    "a confidence above 1": (
        relation(0, 1, "P27", confidence=1.5),
        "relations[0].confidence: got 1.5 (float), expected a number from 0 to 1",
    ),
    "a confidence that is not a number": (
        relation(0, 1, "P27", confidence=float("nan")),
        "relations[0].confidence: got nan (float), expected a number from 0 to 1",
    ),
    "a fact three times": (
        {"relations": (Relation(0, 1, "P27"), Relation(0, 1, "P27", (0,)), Relation(0, 1, "P27", confidence=0.5))},
        "relations: got the fact (head 0, tail 1, P27) 3 times, expected every fact once",
    ),
    "a candidate of three": (
        {"candidates": ((0, 1), (0, 1, 1))},
        "candidates[1]: got (0, 1, 1) (tuple), expected a pair (head, tail)",
    ),
    "a candidate that is a list": (
        {"candidates": ([0, 1],)},
        "candidates[0]: got [0, 1] (list), expected a pair (head, tail)",
    ),
    "a candidate twice": (
        {"candidates": ((0, 1), (1, 0), (0, 1))},
        "candidates: got the pair (0, 1) 2 times, expected every pair once",
    ),
    "a candidate beyond the last entity": (
        {"candidates": ((0, 2),)},
        f"candidates[0].tail: got 2 (int), {TWO_ENTITIES}",
    ),
    "a text without offsets": (
        {"text": TEXT},
        "offsets: got None, expected text and offsets both given or both left out",
    ),
    "offsets without a text": (
        {"offsets": OFFSETS},
        "text: got None, expected text and offsets both given or both left out",
    ),
    "an offset too few": (
        {"text": TEXT, "offsets": (OFFSETS[0], OFFSETS[1][:3])},
        "offsets: got another number of offsets than words, expected one for each word",
    ),
    "an offset at another word": (
        {"text": TEXT, "offsets": (OFFSETS[0], (20, 24, 27, 35))},
        "offsets[1][2]: got 27, where the text reads ' Englis', expected the word 'English' there",
    ),
    "an offset from the end": (
        {"text": "Ada", "sentences": (("Ada",),), "offsets": ((-3,),), "entities": ()},
        "offsets[0][0]: got -3, where the text reads '', expected the word 'Ada' there",
    ),
}


@pytest.mark.parametrize(("changes", "message"), ILLEGAL.values(), ids=ILLEGAL)
def test_every_field_is_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        document(**changes)
    title = "" if "title" in changes else "document 'Ada': "
    assert str(caught.value) == f"{title}{message}"


def test_a_title_that_is_no_text_is_not_named() -> None:
    with pytest.raises(DataError) as caught:
        document(title=5)
    assert str(caught.value) == "title: got 5 (int), expected a text of at least one character"

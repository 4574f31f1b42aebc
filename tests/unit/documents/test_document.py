from __future__ import annotations

import copy
import dataclasses
import json
import pickle
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


FULL = document(
    relations=(Relation(0, 1, "P27", (0, 1), 0.5, "country"), Relation(1, 1, "P1", ())),
    candidates=((0, 1), (1, 1)),
    text=TEXT,
    offsets=OFFSETS,
)


@pytest.mark.parametrize(
    ("entities", "pairs"),
    [
        ((), ()),
        ((ADA,), ()),
        ((ADA, ENGLAND, ADA), ((0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1))),
    ],
)
def test_all_ordered_pairs_are_classified(entities: tuple[Entity, ...], pairs: tuple[tuple[int, int], ...]) -> None:
    assert document(entities=entities).pairs == pairs


@pytest.mark.parametrize("candidates", [(), ((1, 0),), ((1, 1), (0, 1))])
def test_listed_candidates_take_the_place_of_all_pairs(candidates: tuple[tuple[int, int], ...]) -> None:
    assert document(candidates=candidates).pairs == candidates


def test_a_mention_covers_characters_of_the_text() -> None:
    assert [FULL.span(place) for place in (*ADA.mentions, *ENGLAND.mentions)] == [(0, 12), (20, 23), (28, 35)]


def test_without_a_text_there_are_no_characters() -> None:
    with pytest.raises(DataError) as caught:
        document().span(ADA.mentions[0])
    expected = "document 'Ada': text: got None, expected raw text; a mention of this document has no character span"
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


def test_documents_can_be_copied_and_sent_to_other_processes() -> None:
    assert copy.deepcopy(FULL) == pickle.loads(pickle.dumps(FULL)) == FULL


def test_a_document_prints_in_one_line() -> None:
    assert repr(FULL) == "Document('Ada', sentences=2, entities=2, relations=2)"


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
    "an empty title": ({"title": ""}, "title: got '' (str), expected a non-empty string"),
    "a title that is not a string": ({"title": 5}, "title: got 5 (int), expected a non-empty string"),
    "a list of sentences": ({"sentences": []}, "sentences: got [] (list), expected a tuple"),
    "a string as a sentence": (
        {"sentences": ("Ada wrote .",)},
        "sentences[0]: got 'Ada wrote .' (str), expected a tuple of words",
    ),
    "an empty word": (
        {"sentences": (("Ada", ""),), "entities": ()},
        "sentences[0][1]: got '' (str), expected a non-empty string",
    ),
    "a word that is not a string": (
        {"sentences": (("Ada",), (None,)), "entities": ()},
        "sentences[1][0]: got None (NoneType), expected a non-empty string",
    ),
    "a lone surrogate": (
        {"sentences": (("Ada", "\ud800"),), "entities": ()},
        "sentences[0][1]: got '\\ud800' (str), expected characters that UTF-8 can encode, unlike a lone surrogate",
    ),
    "entities of another class": (
        {"entities": (ADA, ENGLAND.mentions)},
        "entities[1]: got (Mention(sentence=1, start=2, end=3, type='LOC', name='En... (tuple), expected an Entity",
    ),
    "a sentence beyond the last": (
        mention(sentence=2),
        f"entities[0].mentions[0].sentence: got 2 (int), {TWO_SENTENCES}",
    ),
    "a sentence of a document without any": (
        {"sentences": (), "entities": (ENGLAND,)},
        "entities[0].mentions[0].sentence: got 1 (int), expected no index at all, as there are 0 sentences",
    ),
    "a start beyond the last word": (
        mention(start=4, end=5),
        f"entities[0].mentions[0].start: got 4 (int), {FOUR_WORDS}",
    ),
    "an end beyond the last word": (
        mention(end=5),
        f"entities[0].mentions[0].end: got 5 (int), expected a word index from 1 to 4, {LAST_WORD}",
    ),
    "a list of relations": (
        {"relations": [Relation(0, 1, "P27")]},
        "relations: got [Relation(0 -> 1, P27)] (list), expected a tuple",
    ),
    "a relation of another class": (
        {"relations": ((0, 1, "P27"),)},
        "relations[0]: got (0, 1, 'P27') (tuple), expected a Relation",
    ),
    "a head beyond the last entity": (relation(2, 1, "P27"), f"relations[0].head: got 2 (int), {TWO_ENTITIES}"),
    "a huge tail": (
        relation(0, 10**19, "P27"),
        f"relations[0].tail: got 10000000000000000000 (int), {TWO_ENTITIES}",
    ),
    "evidence beyond the last sentence": (
        relation(0, 1, "P27", evidence=(0, 2)),
        f"relations[0].evidence[1]: got 2 (int), {TWO_SENTENCES}",
    ),
    "a fact three times": (
        {"relations": (Relation(0, 1, "P27"), Relation(0, 1, "P27", (0,)), Relation(0, 1, "P27", confidence=0.5))},
        "relations: got the fact (head 0, tail 1, P27) 3 times, expected every fact once",
    ),
    "a list of candidates": ({"candidates": [(0, 1)]}, "candidates: got [(0, 1)] (list), expected a tuple"),
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
    "a candidate that is not a number": (
        {"candidates": ((0, "1"),)},
        "candidates[0].tail: got '1' (str), expected a non-negative integer",
    ),
    "a text without offsets": (
        {"text": TEXT},
        "offsets: got None, expected both text and offsets or neither",
    ),
    "offsets without a text": (
        {"offsets": OFFSETS},
        "text: got None, expected both text and offsets or neither",
    ),
    "a text that is not a string": ({"text": 5, "offsets": OFFSETS}, "text: got 5 (int), expected a string"),
    "a number as a row of offsets": (
        {"text": TEXT, "offsets": (0, 1)},
        "offsets[0]: got 0 (int), expected a tuple of offsets",
    ),
    "an offset too few": (
        {"text": TEXT, "offsets": (OFFSETS[0], OFFSETS[1][:3])},
        "offsets: got another number of offsets than words, expected one for each word",
    ),
    "an offset at another word": (
        {"text": TEXT, "offsets": (OFFSETS[0], (20, 24, 27, 35))},
        "offsets[1][2]: got 27 (int), where the text reads ' Englis', expected the word 'English' there",
    ),
    "offsets out of order": (
        {"text": "b a", "sentences": (("a", "b"),), "offsets": ((2, 0),), "entities": ()},
        "offsets[0][1]: got 0 (int), expected at least 3, where the word before it ends",
    ),
    "words that overlap": (
        {"text": "aab", "sentences": (("aa", "ab"),), "offsets": ((0, 1),), "entities": ()},
        "offsets[0][1]: got 1 (int), expected at least 2, where the word before it ends",
    ),
    "a huge offset": (
        {"text": "Ada", "sentences": (("Ada",),), "offsets": ((10**19,),), "entities": ()},
        "offsets[0][0]: got 10000000000000000000 (int), where the text reads '', expected the word 'Ada' there",
    ),
    "an offset from the end": (
        {"text": "Ada", "sentences": (("Ada",),), "offsets": ((-3,),), "entities": ()},
        "offsets[0][0]: got -3 (int), expected a non-negative integer",
    ),
    "an offset that is a fraction": (
        {"text": "Ada", "sentences": (("Ada",),), "offsets": ((0.0,),), "entities": ()},
        "offsets[0][0]: got 0.0 (float), expected a non-negative integer",
    ),
}


@pytest.mark.parametrize(("changes", "message"), ILLEGAL.values(), ids=ILLEGAL)
def test_every_field_is_checked(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError) as caught:
        document(**changes)
    title = "" if "title" in changes else "document 'Ada': "
    assert str(caught.value) == f"{title}{message}"


def test_a_dictionary_holds_everything() -> None:
    stored = FULL.to_dict()
    assert Document.from_dict(stored) == FULL
    assert stored == json.loads(json.dumps(stored))
    assert [found.name for found in Document.from_dict(stored).relations] == ["country", None]


def stored(**changes: Any) -> dict[str, Any]:
    return {**FULL.to_dict(), **changes}


ENGLAND_STORED = FULL.to_dict()["entities"][1]


def stored_mention(**changes: Any) -> dict[str, Any]:
    entities = [
        {"mentions": [{"sentence": 0, "start": 0, "end": 1, "type": "PER", "name": "Ada"}]},
        {"mentions": [{"sentence": 0, "start": 0, "end": 1, "type": "PER", "name": "Ada", **changes}]},
    ]
    return stored(entities=entities)


MALFORMED = {
    "no object": ([], "got [] (list), expected an object"),
    "no sentences": (
        {"title": "Ada", "entities": []},
        "document 'Ada': sentences: got no such key, expected one; the keys here are 'title', 'entities'",
    ),
    "a misspelt key": (
        stored(relation=[]),
        "document 'Ada': got the unknown key 'relation' (str), expected one of title, sentences, entities, relations, "
        "candidates, text, offsets; did you mean 'relations'?",
    ),
    "an unknown key of a mention": (
        stored_mention(text="Ada"),
        "document 'Ada': entities[1].mentions[0]: got the unknown key 'text' (str), "
        "expected one of sentence, start, end, type, name",
    ),
    "an unknown key of an entity": (
        stored(entities=[{"mentions": [], "identifer": "Q1"}]),
        "document 'Ada': entities[0]: got the unknown key 'identifer' (str), expected one of mentions, identifier; "
        "did you mean 'identifier'?",
    ),
    "an unknown key of a relation": (
        stored(relations=[{"head": 0, "tail": 1, "relation": "P27", "score": 1}]),
        "document 'Ada': relations[0]: got the unknown key 'score' (str), "
        "expected one of head, tail, relation, name, evidence, confidence",
    ),
    "a start as a string": (
        stored_mention(start="0"),
        "document 'Ada': entities[1].mentions[0].start: got '0' (str), expected a non-negative integer",
    ),
    "an inclusive end": (
        stored_mention(end=0),
        "document 'Ada': entities[1].mentions[0].end: got 0 (int), expected an integer above the start, 0, "
        "as end is the index after the last word",
    ),
    "an entity without mentions": (
        stored(entities=[{"mentions": []}]),
        "document 'Ada': entities[0].mentions: got none, expected at least one mention",
    ),
    "evidence as a string": (
        stored(relations=[{"head": 0, "tail": 1, "relation": "P27", "evidence": "0"}]),
        "document 'Ada': relations[0].evidence: got '0' (str), expected a list",
    ),
    "evidence of truth values": (
        stored(relations=[{"head": 0, "tail": 1, "relation": "P27", "evidence": [True]}]),
        "document 'Ada': relations[0].evidence[0]: got True (bool), expected a non-negative integer",
    ),
    "a lone surrogate in a title": (
        stored(title="a\ud800"),
        "title: got 'a\\ud800' (str), expected characters that UTF-8 can encode, unlike a lone surrogate",
    ),
    "a lone surrogate in an identifier": (
        stored(entities=[{**ENGLAND_STORED, "identifier": "\udfff"}]),
        "document 'Ada': entities[0].identifier: got '\\udfff' (str), "
        "expected characters that UTF-8 can encode, unlike a lone surrogate",
    ),
}


@pytest.mark.parametrize(("value", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_dictionary_is_refused(value: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        Document.from_dict(value)
    assert str(caught.value) == message

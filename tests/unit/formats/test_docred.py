from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import DataError
from atlop.formats import read

CURIE = "Marie Curie"


def stored(**changes: Any) -> dict[str, Any]:
    """One document as a DocRED file holds it, with some keys changed."""
    curie = {"name": "Marie Curie", "sent_id": 0, "pos": [0, 2], "type": "PER"}
    poland = {"name": "Poland", "sent_id": 1, "pos": [3, 4], "type": "LOC"}
    document = {
        "title": CURIE,
        "sents": [["Marie", "Curie", "."], ["Born", "in", "\u00a0", "Poland"]],
        "vertexSet": [[curie], [poland]],
        "labels": [{"h": 0, "t": 1, "r": "P27", "evidence": [1]}],
    }
    return {**document, **changes}


def mention(**changes: Any) -> list[list[dict[str, Any]]]:
    """The entities of a document that has one, with one mention that has some keys changed."""
    return [[{"name": "x", "sent_id": 0, "pos": [0, 1], "type": "PER", **changes}]]


def text(*documents: Any) -> str:
    return json.dumps(documents)


def test_reads_every_field(reading: Callable[..., list[Document]]) -> None:
    (document,) = reading(text(stored()))
    assert document == Document(
        title=CURIE,
        sentences=(("Marie", "Curie", "."), ("Born", "in", "\u00a0", "Poland")),
        entities=(
            Entity((Mention(0, 0, 2, "PER", "Marie Curie"),)),
            Entity((Mention(1, 3, 4, "LOC", "Poland"),)),
        ),
        relations=(Relation(0, 1, "P27", (1,)),),
    )


def test_labels_may_be_missing(reading: Callable[..., list[Document]]) -> None:
    unlabelled = stored()
    del unlabelled["labels"]
    assert reading(text(unlabelled))[0].relations == ()


@pytest.mark.parametrize(("evidence", "expected"), [({}, None), ({"evidence": []}, ()), ({"evidence": [0, 1]}, (0, 1))])
def test_distinguishes_empty_evidence_from_missing(
    reading: Callable[..., list[Document]],
    again: Callable[..., list[Document]],
    evidence: dict[str, list[int]],
    expected: tuple[int, ...] | None,
) -> None:
    documents = reading(text(stored(labels=[{"h": 0, "t": 1, "r": "P27", **evidence}])))
    assert documents[0].relations == (Relation(0, 1, "P27", expected),)
    assert again(documents, "docred") == documents


def test_drops_other_keys(reading: Callable[..., list[Document]]) -> None:
    entities = mention(global_pos=7, index="0_0", name="Marie")
    assert reading(text(stored(vertexSet=entities, labels=[], url="u")))[0].entities[0].name == "Marie"


def test_keeps_the_first_of_repeated_facts(reading: Callable[..., list[Document]]) -> None:
    labels = [{"h": 0, "t": 1, "r": "P27", "evidence": [e]} for e in (1, 0)]
    assert reading(text(stored(labels=labels)))[0].relations == (Relation(0, 1, "P27", (1,)),)


ODD = [
    pytest.param(Document("none", ()), id="nothing but a title"),
    pytest.param(Document("one", (("a",),), (Entity((Mention(0, 0, 1, "PER", "a"),)),)), id="one entity"),
    pytest.param(Document("blank", ((" ", "\u00a0"), ())), id="blank words and an empty sentence"),
    pytest.param(
        Document(
            "overlap",
            (("a", "b", "c"),),
            (
                Entity((Mention(0, 0, 2, "PER", "other than its words"), Mention(0, 0, 1, "ORG", ""))),
                Entity(
                    (Mention(0, 0, 2, "PER", "a b"), Mention(0, 0, 2, "PER", "a b"), Mention(0, 1, 3, "LOC", "b c"))
                ),
            ),
            (Relation(1, 1, "self"), Relation(0, 1, "P1", ()), Relation(0, 1, "P2", (0,))),
        ),
        id="mentions that overlap, repeat and start at one word, types that mix, a self-pair",
    ),
]


@pytest.mark.parametrize("document", ODD)
def test_odd_but_legal_documents_survive(again: Callable[..., list[Document]], document: Document) -> None:
    assert again([document], "docred") == [document]


def test_repeated_titles_are_legal(again: Callable[..., list[Document]]) -> None:
    assert again([Document("a", ()), Document("a", ())], "docred") == [Document("a", ()), Document("a", ())]


def test_no_documents_survive(again: Callable[..., list[Document]]) -> None:
    assert again([], "docred") == []


def test_drops_what_the_format_cannot_store(again: Callable[..., list[Document]]) -> None:
    entity, relation = Entity((Mention(0, 0, 1, "PER", "a"),)), Relation(0, 0, "P1")
    rich = Document(
        "a",
        (("a",),),
        (Entity(entity.mentions, "Q1"),),
        (Relation(0, 0, "P1", None, 0.5),),
        candidates=((0, 0),),
        text="a",
        offsets=((0,),),
    )
    assert again([rich], "docred") == [Document("a", (("a",),), (entity,), (relation,))]


MALFORMED = {
    "cut short": (
        '[\n{"title": "a",\n "sents": [["x"]',
        "file: got invalid JSON at line 3, column 17 (Expecting ',' delimiter), "
        "expected a complete JSON value; is the file truncated?",
    ),
    "bad UTF-8": (b'[{"title": "\xff"}]', "file: got the byte 0xff at offset 12, expected UTF-8"),
    "a document that is none": (text(stored(), 5), "file: document '#1': got 5 (int), expected an object"),
    "no title": (
        text({"sents": []}),
        "file: document '#0': title: got no such key, expected one; the keys here are 'sents'",
    ),
    "empty title": (
        text(stored(title="")),
        "file: document '#0': title: got '' (str), expected a non-empty string",
    ),
    "no entities key": (
        text({"title": "a", "sents": []}),
        "file: document 'a': vertexSet: got no such key, expected one; the keys here are 'title', 'sents'",
    ),
    "sentences as a text": (
        text(stored(sents="Marie Curie")),
        "file: document 'Marie Curie': sents: got 'Marie Curie' (str), expected a list",
    ),
    "a sentence as a text": (
        text(stored(sents=["Marie Curie"])),
        "file: document 'Marie Curie': sents[0]: got 'Marie Curie' (str), expected a list",
    ),
    "an empty word": (
        text(stored(sents=[["Marie", "", "."]], vertexSet=[], labels=[])),
        "file: document 'Marie Curie': sents[0][1]: got '' (str), expected a non-empty string",
    ),
    "a number as a word": (
        text(stored(sents=[["Marie", 7]], vertexSet=[], labels=[])),
        "file: document 'Marie Curie': sents[0][1]: got 7 (int), expected a non-empty string",
    ),
    "an entity without mentions": (
        text(stored(vertexSet=[[]], labels=[])),
        "file: document 'Marie Curie': vertexSet[0]: got none, expected at least one mention",
    ),
    "a mention without its sentence": (
        text(stored(vertexSet=[[{"name": "x", "pos": [0, 1], "type": "PER"}]])),
        "file: document 'Marie Curie': vertexSet[0][0].sent_id: got no such key, expected one; "
        "the keys here are 'name', 'pos', 'type'",
    ),
    "a mention in a sentence that is not there": (
        text(stored(vertexSet=mention(sent_id=2), labels=[])),
        "file: document 'Marie Curie': vertexSet[0][0].sent_id: got 2 (int), "
        "expected an index from 0 to 1, as there are 2 sentences",
    ),
    "a mention out of its sentence": (
        text(stored(vertexSet=mention(pos=[1, 4]), labels=[])),
        "file: document 'Marie Curie': vertexSet[0][0].pos: got 4 (int), expected a word index from 2 to 3, "
        "as the mention starts at 1 in sentence 0 of 3 words",
    ),
    "a position of three numbers": (
        text(stored(vertexSet=mention(pos=[0, 1, 2]), labels=[])),
        "file: document 'Marie Curie': vertexSet[0][0].pos: got [0, 1, 2] (list), expected [start, end)",
    ),
    "a position as a text": (
        text(stored(vertexSet=mention(pos=["0", 1]), labels=[])),
        "file: document 'Marie Curie': vertexSet[0][0].pos: got '0' (str), expected a non-negative integer",
    ),
    "a truth value as an index": (
        text(stored(labels=[{"h": True, "t": 1, "r": "P27"}])),
        "file: document 'Marie Curie': labels[0].h: got True (bool), expected a non-negative integer",
    ),
    "an entity that is not there, after a repeated fact": (
        text(stored(labels=[{"h": 0, "t": 1, "r": "P27"}, {"h": 0, "t": 1, "r": "P27"}, {"h": 0, "t": 2, "r": "P27"}])),
        "file: document 'Marie Curie': labels[2].t: got 2 (int), "
        "expected an index from 0 to 1, as there are 2 entities",
    ),
    "an empty relation": (
        text(stored(labels=[{"h": 0, "t": 1, "r": ""}])),
        "file: document 'Marie Curie': labels[0].r: got '' (str), expected a non-empty string",
    ),
    "an empty mention": (
        text(stored(vertexSet=mention(pos=[1, 1]), labels=[])),
        "file: document 'Marie Curie': vertexSet[0][0].pos: got 1 (int), expected an integer above the start, 1, "
        "as end is the index after the last word",
    ),
    "a lone surrogate": (
        text(stored(sents=[["Marie", "\udc80"]], vertexSet=[], labels=[])),
        "file: document 'Marie Curie': sents[0][1]: got '\\udc80' (str), "
        "expected characters that UTF-8 can encode, unlike a lone surrogate",
    ),
    "a relation as a number": (
        text(stored(labels=[{"h": 0, "t": 1, "r": 27}])),
        "file: document 'Marie Curie': labels[0].r: got 27 (int), expected a non-empty string",
    ),
    "evidence that is not there": (
        text(stored(labels=[{"h": 0, "t": 1, "r": "P27", "evidence": [2]}])),
        "file: document 'Marie Curie': labels[0].evidence[0]: got 2 (int), "
        "expected an index from 0 to 1, as there are 2 sentences",
    ),
    "facts instead of documents": (
        text({"title": "a", "h_idx": 0, "t_idx": 1, "r": "P27"}),
        "file: got facts in leaderboard format, expected documents; read them with read_submission() "
        "and join them to their documents with attach()",
    ),
}


@pytest.mark.parametrize(("content", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_file_is_reported(failure: Callable[..., str], content: str | bytes, message: str) -> None:
    assert failure(content) == message


def test_only_a_list_is_read(failure: Callable[..., str]) -> None:
    message = "file: got {'title': 'a'} (dict) at the top, expected a list of documents"
    assert failure('{"title": "a"}', form="docred") == message


def test_json_nested_too_deep_is_reported(failure: Callable[..., str]) -> None:
    assert failure("[" * 200_000) == "file: got JSON nested too deeply to be read"


def test_a_document_with_a_repeated_key_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "file").write_text(f'[{{"title": "a", "title": "b"}}, {json.dumps(stored())}]')
    errors = list[DataError]()
    assert [document.title for document in read(tmp_path / "file", on_error="skip", report=errors.append)] == [CURIE]
    assert [str(error) for error in errors] == [
        f"{tmp_path / 'file'}: document '#0': got an object with the same key more than once, expected each key once"
    ]

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from atlop.documents import Document, Entity, Mention, Relation
from atlop.formats import jsonl, schema
from atlop.formats.jsonl import dump, parse

RICH = Document(
    title="rich",
    sentences=(("Insulin", "helps"), ("diabetes",)),
    entities=(
        Entity((Mention(0, 0, 1, "Chemical", "Insulin"),), "D007328"),
        Entity((Mention(1, 0, 1, "Disease", "diabetes"),)),
    ),
    relations=(Relation(0, 1, "treats", (0, 1), 0.875, "is used for"), Relation(1, 1, "is")),
    candidates=((0, 1), (1, 1)),
    text="Insulin helps diabetes",
    offsets=((0, 8), (14,)),
)
STORED = {
    "title": "rich",
    "sentences": [["Insulin", "helps"], ["diabetes"]],
    "entities": [
        {
            "mentions": [{"sentence": 0, "start": 0, "end": 1, "type": "Chemical", "name": "Insulin"}],
            "identifier": "D007328",
        },
        {"mentions": [{"sentence": 1, "start": 0, "end": 1, "type": "Disease", "name": "diabetes"}]},
    ],
    "relations": [
        {"head": 0, "tail": 1, "relation": "treats", "name": "is used for", "evidence": [0, 1], "confidence": 0.875},
        {"head": 1, "tail": 1, "relation": "is"},
    ],
    "candidates": [[0, 1], [1, 1]],
    "text": "Insulin helps diabetes",
    "offsets": [[0, 8], [14]],
}


CHARACTERS = st.sampled_from('aZ0 _*|\t\r\n"\\\u00a0\u2028\u0301\ufeffé字😀')
"""Every kind of character that some file format gives a meaning."""


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """Any valid document."""
    words = st.text(CHARACTERS, min_size=1, max_size=4)
    sentences = tuple(map(tuple, draw(st.lists(st.lists(words, max_size=4), max_size=3))))
    places = [(s, start, end) for s, row in enumerate(sentences) for end in range(len(row) + 1) for start in range(end)]
    mention = st.builds(
        lambda place, *rest: Mention(*place, *rest), st.sampled_from(places or [None]), words, st.text(CHARACTERS)
    )
    entity = st.builds(Entity, st.lists(mention, min_size=1, max_size=3).map(tuple), st.none() | words)
    entities = draw(st.lists(entity, max_size=3)) if places else []
    index = st.integers(0, len(entities) - 1)
    evidence = st.none() | st.lists(st.integers(0, max(0, len(sentences) - 1)), max_size=3).map(tuple)
    relation = st.builds(Relation, index, index, words, evidence, st.none() | st.floats(0, 1), st.none() | words)
    relations = draw(st.lists(relation, max_size=4, unique_by=lambda relation: relation.fact)) if entities else []
    candidates = (
        draw(st.none() | st.lists(st.tuples(index, index), max_size=3, unique=True).map(tuple)) if entities else None
    )
    text, offsets = draw(st.sampled_from([(None, None), joined(sentences)]))
    return Document(draw(words), sentences, tuple(entities), tuple(relations), candidates, text, offsets)


def joined(sentences: tuple[tuple[str, ...], ...]) -> tuple[str, tuple[tuple[int, ...], ...]]:
    """Words one after the other, and where each begins."""
    text, offsets = "", []
    for words in sentences:
        row = []
        for word in words:
            row.append(len(text))
            text += word
        offsets.append(tuple(row))
    return text, tuple(offsets)


@given(st.lists(documents(), max_size=3))
def test_any_documents_survive_and_fit_the_schema(written: list[Document]) -> None:
    content = b"".join(dump(written))
    assert list(parse(io.BytesIO(content))) == written
    validator = Draft202012Validator(schema())
    for line in content.splitlines():
        validator.validate(json.loads(line))


def test_writes_every_field() -> None:
    (line,) = dump([RICH])
    assert json.loads(line) == STORED
    assert line.endswith(b"}\n")


def test_leaves_out_what_is_not_given() -> None:
    (line,) = dump([Document("bare", (("a",),))])
    assert json.loads(line) == {"title": "bare", "sentences": [["a"]], "entities": [], "relations": []}


def test_reads_every_field(reading: Callable[..., list[Document]]) -> None:
    documents = reading(json.dumps(STORED))
    assert documents == [RICH]
    assert [relation.name for relation in documents[0].relations] == ["is used for", None]


def test_reads_null_as_not_given(reading: Callable[..., list[Document]]) -> None:
    optional = dict.fromkeys(["relations", "candidates", "text", "offsets"])
    line = {"title": "bare", "sentences": [["a"]], "entities": [], **optional}
    Draft202012Validator(schema()).validate({key: line[key] for key in line if key not in ("text", "offsets")})
    assert reading(json.dumps(line)) == [Document("bare", (("a",),))]


def test_reads_blank_lines_a_mark_and_dos_line_ends(reading: Callable[..., list[Document]]) -> None:
    line = json.dumps(STORED).encode()
    assert reading(b"\xef\xbb\xbf" + line + b"\r\n\r\n" + line) == [RICH, RICH]


def test_the_written_schema_is_sound() -> None:
    Draft202012Validator.check_schema(schema())


def properties(part: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(part, dict):
        yield from part.get("properties", {}).items()
        for inner in part.values():
            yield from properties(inner)


def test_every_key_of_the_schema_is_described() -> None:
    described = dict(properties(schema()))
    assert len(described) == 19
    assert [key for key, part in described.items() if not part.get("description", "").endswith(".")] == []


@pytest.mark.parametrize("key", ["title", "sentences", "entities"])
def test_the_schema_and_the_reader_miss_the_same_keys(failure: Callable[..., str], key: str) -> None:
    line = {name: value for name, value in STORED.items() if name != key}
    assert not Draft202012Validator(schema()).is_valid(line)
    keys = ", ".join(map(repr, line))
    place = "line 1" if key == "title" else "rich"
    message = f"file: document '{place}': {key}: got no such key, expected one; the keys here are {keys}"
    assert failure(json.dumps(line)) == message


@pytest.mark.parametrize(
    "path", [(), ("entities", 0), ("entities", 0, "mentions", 0), ("relations", 0)], ids=lambda path: str(path[-2:])
)
def test_the_schema_and_the_reader_refuse_the_same_keys(failure: Callable[..., str], path: tuple[Any, ...]) -> None:
    line = copy.deepcopy(STORED)
    assert Draft202012Validator(schema()).is_valid(line)
    place: Any = line
    for key in path:
        place = place[key]
    place["note"] = 1
    assert not Draft202012Validator(schema()).is_valid(line)
    assert ": got the unknown key 'note' (str), expected one of " in failure(json.dumps(line))


def changed(**changes: Any) -> str:
    return json.dumps({**STORED, **changes})


def entity(**changes: Any) -> str:
    mention = {"sentence": 0, "start": 0, "end": 1, "type": "PER", "name": "a", **changes}
    return changed(entities=[{"mentions": [mention]}], relations=[], candidates=None)


def relation(**changes: Any) -> str:
    return changed(relations=[{"head": 0, "tail": 1, "relation": "treats", **changes}])


MALFORMED = {
    "cut short": (
        f'{json.dumps(STORED)}\n{{"title": "a", "sent',
        "file: document 'line 2': got invalid JSON at line 2, column 16 (Unterminated string starting at), "
        "expected a complete JSON value; is the file truncated?",
    ),
    "a list in a line": (f"{json.dumps(STORED)}\n[]", "file: document 'line 2': got [] (list), expected an object"),
    "bad UTF-8": (
        b'{"title": "a\x80"}',
        "file: document 'line 1': got the byte 0x80 at offset 12, expected UTF-8",
    ),
    "title as a number": (changed(title=3), "file: document 'line 1': title: got 3 (int), expected a string"),
    "mentions as an object": (
        changed(entities=[{"mentions": {}}]),
        "file: document 'rich': entities[0].mentions: got {} (dict), expected a list",
    ),
    "start as a text": (
        entity(start="0"),
        "file: document 'rich': entities[0].mentions[0].start: got '0' (str), expected a non-negative integer",
    ),
    "start beyond its sentence": (
        entity(sentence=1, start=1, end=2),
        "file: document 'rich': entities[0].mentions[0].start: got 1 (int), expected an index from 0 to 0, "
        "as there are 1 words in sentence 1",
    ),
    "empty type": (
        entity(type=""),
        "file: document 'rich': entities[0].mentions[0].type: got '' (str), expected a non-empty string",
    ),
    "negative head": (
        relation(head=-1),
        "file: document 'rich': relations[0].head: got -1 (int), expected a non-negative integer",
    ),
    "a misspelt key": (
        json.dumps({**{key: STORED[key] for key in STORED if key != "relations"}, "relation": []}),
        "file: document 'rich': got the unknown key 'relation' (str), expected one of title, sentences, entities, "
        "relations, candidates, text, offsets; did you mean 'relations'?",
    ),
    "a key twice": (
        json.dumps(STORED).replace('"start": 0,', '"start": 0, "start": 1,', 1),
        "file: document 'rich': entities[0].mentions[0]: got an object with the same key more than once, "
        "expected each key once",
    ),
    "a title twice": (
        '{"title": "a", "title": "b"}',
        "file: document 'line 1': got an object with the same key more than once, expected each key once",
    ),
    "a lone surrogate": (
        changed(title="a\ud800"),
        "file: document 'line 1': title: got 'a\\ud800' (str), "
        "expected characters that UTF-8 can encode, unlike a lone surrogate",
    ),
    "nested too deeply": (
        '{"title": ' + "[" * 100_000,
        "file: document 'line 1': got JSON nested too deeply to be read",
    ),
    "an integer of too many digits": (
        '{"title": ' + "1" * 5000 + "}",
        "file: document 'line 1': got JSON with an integer of too many digits to be read",
    ),
    "an infinite index": (
        relation(head=float("inf")),
        "file: document 'rich': relations[0].head: got inf (float), expected a non-negative integer",
    ),
    "a NUL byte": (
        b'{"title": "a"\x00}',
        "file: document 'line 1': got invalid JSON at line 1, column 14 (Expecting ',' delimiter), "
        "expected a complete JSON value; is the file truncated?",
    ),
    "confidence above 1": (
        relation(confidence=1.5),
        "file: document 'rich': relations[0].confidence: got 1.5 (float), expected a number from 0 to 1",
    ),
    "confidence that is no number": (
        relation(confidence=float("nan")),
        "file: document 'rich': relations[0].confidence: got nan (float), expected a number from 0 to 1",
    ),
    "the same fact twice": (
        changed(relations=[{"head": 0, "tail": 1, "relation": "treats"}] * 2),
        "file: document 'rich': relations: got the fact (head 0, tail 1, treats) 2 times, expected every fact once",
    ),
    "a candidate of three": (
        changed(candidates=[[0, 1, 1]]),
        "file: document 'rich': candidates[0]: got (0, 1, 1) (tuple), expected a pair (head, tail)",
    ),
    "text without offsets": (
        changed(offsets=None),
        "file: document 'rich': offsets: got None, expected both text and offsets or neither",
    ),
    "a wrong offset": (
        changed(offsets=[[0, 7], [14]]),
        "file: document 'rich': offsets[0][1]: got 7 (int), where the text reads ' help', "
        "expected the word 'helps' there",
    ),
    "an offset as a text": (
        changed(offsets=[[0, "8"], [14]]),
        "file: document 'rich': offsets[0][1]: got '8' (str), expected a non-negative integer",
    ),
}


@pytest.mark.parametrize(("content", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_file_is_reported(failure: Callable[..., str], content: str | bytes, message: str) -> None:
    assert failure(content) == message


def test_the_schema_lies_beside_the_module() -> None:
    assert json.loads(Path(jsonl.__file__).with_name("schema.json").read_text(encoding="utf-8")) == schema()

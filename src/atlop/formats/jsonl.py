"""Our own form: one document a line, holding everything that a document holds; ``schema.json`` describes it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from typing import Any, BinaryIO

from atlop.documents import Document, Entity, Mention, Relation
from atlop.errors import DataError
from atlop.formats.fields import Field
from atlop.formats.records import build_each, json_bytes, numbered_lines, parse_json


def schema() -> dict[str, Any]:
    """Give the JSON Schema (draft 2020-12) of a line."""
    text = resources.files("atlop.formats").joinpath("schema.json").read_text(encoding="utf-8")
    stored: dict[str, Any] = json.loads(text)
    return stored


def parse(file: BinaryIO) -> Iterator[Document | DataError]:
    """Read a JSONL file, one document or the error in it at a time; blank lines are skipped."""
    return build_each(numbered_lines(file), _document)


def _document(number: int, line: bytes) -> Document:
    place = f"line {number}"
    stored = parse_json(line, line=number)
    title = Field(stored, document=place)["title"].text()
    root = Field(stored, document=title or place)
    text, relations = root.get("text"), root.get("relations")
    return Document(
        title=title,
        sentences=tuple(tuple(sentence.elements()) for sentence in root["sentences"].items()),
        entities=tuple(map(_entity, root["entities"].items())),
        relations=tuple(map(_relation, relations.items())) if relations else (),
        candidates=_rows(root.get("candidates")),
        text=text.text() if text else None,
        offsets=_rows(root.get("offsets")),
    )


def _entity(stored: Field) -> Entity:
    identifier = stored.get("identifier")
    mentions = tuple(map(_mention, stored["mentions"].items()))
    return Entity(mentions, identifier.text() if identifier else None)


def _mention(stored: Field) -> Mention:
    sentence, start, end = (stored[key].whole() for key in ("sentence", "start", "end"))
    return Mention(sentence, start, end, stored["type"].text(), stored["name"].text())


def _relation(stored: Field) -> Relation:
    head, tail, relation = stored["head"].whole(), stored["tail"].whole(), stored["relation"].text()
    evidence, confidence = stored.get("evidence"), stored.get("confidence")
    sentences = tuple(sentence.whole() for sentence in evidence.items()) if evidence else None
    return Relation(head, tail, relation, sentences, confidence.value if confidence else None)


def _rows(stored: Field | None) -> tuple[Any, ...] | None:
    """Read rows of whole numbers; the document checks how many there are and where they point."""
    if stored is None:
        return None
    return tuple(tuple(number.whole() for number in row.items()) for row in stored.items())


def dump(documents: Iterable[Document], *, readable: Mapping[str, str] | None = None) -> Iterator[bytes]:
    """Write documents, one a line.

    Args:
        documents: gold or predicted.
        readable: a name for people for some or all relations, which is written beside the relation's own.
    """
    for document in documents:
        yield json_bytes(_stored(document, readable or {})) + b"\n"


def _stored(document: Document, readable: Mapping[str, str]) -> dict[str, Any]:
    return {
        "title": document.title,
        "sentences": document.sentences,
        "entities": [_stored_entity(entity) for entity in document.entities],
        "relations": [_stored_relation(relation, readable) for relation in document.relations],
        **_given(candidates=document.candidates, text=document.text, offsets=document.offsets),
    }


def _stored_entity(entity: Entity) -> dict[str, Any]:
    return {
        "mentions": [_stored_mention(mention) for mention in entity.mentions],
        **_given(identifier=entity.identifier),
    }


def _stored_mention(mention: Mention) -> dict[str, Any]:
    place = {"sentence": mention.sentence, "start": mention.start, "end": mention.end}
    return {**place, "type": mention.type, "name": mention.name}


def _stored_relation(relation: Relation, readable: Mapping[str, str]) -> dict[str, Any]:
    fact = {"head": relation.head, "tail": relation.tail, "relation": relation.relation}
    name = readable.get(relation.relation)
    return {**fact, **_given(name=name, evidence=relation.evidence, confidence=relation.confidence)}


def _given(**values: Any) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
